//! Who vouches for a server, told where its certificate is refused.
//!
//! What is refused is the platform's business, as before: [`Telling`] asks the platform's own verifier and adds to its refusals the name
//! of the certificate's issuer. It is often all that tells an operator what happened, such as a company's filter in the way.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::stage::text;

/// Longest issuer that is told, in characters.
const ISSUER_MAX_CHARS: usize = 80;

/// `commonName` and `organizationName` (X.520), as DER has their numbers.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANISATION: &[u8] = &[0x55, 4, 10];

/// A certificate that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(super) struct Refused {
    /// Why.
    pub(super) why: CertificateError,
    /// Who signed it, as it says itself.
    pub(super) issuer: Option<String>,
}

/// The platform's verifier, with the issuer in its refusals.
#[derive(Debug)]
struct Telling(Verifier);

/// TLS by the platform's own roots.
///
/// # Errors
/// A machine without CA certificates.
pub(super) fn tls() -> Result<ClientConfig, Error> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Telling(Verifier::new(Arc::clone(&provider))?);
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // "Dangerous" is that one could accept what the platform does not; nothing here does.
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl ServerCertVerifier for Telling {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.verify_server_cert(certificate, intermediates, name, ocsp, now).map_err(|error| match error {
            Error::InvalidCertificate(why) => {
                let refused = Refused { why, issuer: issuer(certificate) };
                Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Who signed a certificate, as it says itself: common name and organisation. `None` for what is no certificate, or names neither.
fn issuer(certificate: &[u8]) -> Option<String> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    // Before the issuer: the version, which may be left out, the serial number and the algorithm (RFC 5280 section 4.1).
    if fields.first() == Some(&0xA0) {
        fields = element(fields)?.2;
    }
    for _ in 0..2 {
        fields = element(fields)?.2;
    }
    let (_, mut sets, _) = element(fields)?;
    let (mut common, mut organisation) = (None, None);
    while let Some((_, mut set, rest)) = element(sets) {
        sets = rest;
        while let Some((_, pair, rest)) = element(set) {
            set = rest;
            let (_, number, value) = element(pair)?;
            let (tag, value, _) = element(value)?;
            match number {
                COMMON_NAME => common = common.or_else(|| string(tag, value)),
                ORGANISATION => organisation = organisation.or_else(|| string(tag, value)),
                _ => {}
            }
        }
    }
    match (common, organisation) {
        (Some(common), Some(organisation)) if !common.contains(&organisation) => Some(format!("{common}, {organisation}")),
        (common, organisation) => common.or(organisation),
    }
}

/// The first element of DER: its tag, its content, and what follows it (X.690 section 8.1). `None` where there is no whole one.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// A string of a name as it may be shown: a stranger wrote it.
fn string(tag: u8, bytes: &[u8]) -> Option<String> {
    let value = match tag {
        // BMPString.
        0x1E => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    let shown: String = value.chars().filter(|c| text::keeps(*c) && !c.is_control()).take(ISSUER_MAX_CHARS).collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertifiedIssuer, DnType, DnValue, KeyPair};

    use super::*;

    /// A certificate whose issuer has these names.
    fn signed_by(names: Vec<(DnType, DnValue)>) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind, value);
        }
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let server = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        server.signed_by(&KeyPair::generate().unwrap(), &authority).unwrap().der().clone()
    }

    #[test]
    fn the_issuer_is_read_from_the_certificate() {
        let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
        let bmp = DnValue::BmpString("Zürich CA".try_into().unwrap());
        let long = "x".repeat(200);
        for (names, expected) in [
            (vec![(DnType::CommonName, utf8("R3")), (DnType::OrganizationName, utf8("Let's Encrypt"))], Some("R3, Let's Encrypt")),
            (vec![(DnType::OrganizationName, utf8("Acme")), (DnType::CommonName, utf8("Acme Root"))], Some("Acme Root")),
            (vec![(DnType::OrganizationName, utf8("Acme"))], Some("Acme")),
            (vec![(DnType::CommonName, bmp)], Some("Zürich CA")),
            (vec![(DnType::CommonName, utf8("a\u{1b}[2J\u{202e}b\r\nc"))], Some("a[2Jbc")),
            (vec![(DnType::CommonName, utf8(&long))], Some(&long[..ISSUER_MAX_CHARS])),
            (vec![(DnType::CountryName, utf8("FI"))], None),
            (vec![], None),
        ] {
            assert_eq!(issuer(&signed_by(names)).as_deref(), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), cut in 0usize..400, flip: u8) {
            let _ = issuer(&bytes);
            let mut real = signed_by(vec![(DnType::CommonName, DnValue::Utf8String("R3".to_owned()))]).to_vec();
            let at = cut % real.len();
            real[at] ^= flip;
            let _ = issuer(&real);
            let _ = issuer(&real[..at]);
        }
    }
}
