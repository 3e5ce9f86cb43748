//! HTTP/2 by hand, as far as misbehaving needs it (RFC 9113).

use std::sync::Arc;
use std::time::Duration;

use super::server::{Play, Wire};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Settings, then, when the request is in, what `rest` says.
fn play(rest: impl Fn(&mut dyn Wire) + Send + Sync + 'static) -> Play {
    Arc::new(move |wire, _| {
        let _ = wire.write_all(&frame(SETTINGS, 0, 0, &[]));
        let _ = wire.flush();
        // Preface, settings and the request's headers come at once or soon; none of it is looked at.
        let mut read = 0;
        while read < 100 {
            match wire.read(&mut [0; 4_096]) {
                Ok(0) | Err(_) => return,
                Ok(more) => read += more,
            }
        }
        rest(wire);
        let _ = wire.flush();
        // What is still on its way must not meet a closed socket, or the reset overtakes the answer.
        let _ = wire.read(&mut [0; 4_096]);
    })
}

pub(super) fn goaway() -> Play {
    play(|wire| {
        // Last stream 0, ENHANCE_YOUR_CALM.
        let _ = wire.write_all(&frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11]));
    })
}

pub(super) fn reset() -> Play {
    play(|wire| {
        // INTERNAL_ERROR.
        let _ = wire.write_all(&frame(RST_STREAM, 0, 1, &[0, 0, 0, 2]));
    })
}

fn flood(first: Vec<u8>, frame: Vec<u8>) -> Play {
    let many = frame.repeat(1_000);
    play(move |wire| {
        let _ = wire.write_all(&first);
        while wire.write_all(&many).and_then(|()| wire.flush()).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
    })
}

pub(super) fn settings_flood() -> Play {
    flood(Vec::new(), frame(SETTINGS, 0, 0, &[]))
}

pub(super) fn ping_flood() -> Play {
    flood(Vec::new(), frame(PING, 0, 0, &[0; 8]))
}

pub(super) fn empty_data_flood() -> Play {
    // `:status: 200` is index 8 of the static table; END_HEADERS.
    flood(frame(HEADERS, 4, 1, &[0x88]), frame(DATA, 0, 1, &[]))
}

pub(super) fn garbage() -> Play {
    play(|wire| {
        let _ = wire.write_all(&frame(HEADERS, 4, 1, &[0xFF; 40]));
    })
}
