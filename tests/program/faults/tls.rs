//! Certificates, good and bad, made anew for each run.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority that the program under test is told to trust.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server with a certificate for these names, valid between these years.
    pub(super) fn server(&self, names: &[&str], years: (i32, i32)) -> Arc<ServerConfig> {
        let (chain, key) = self.certificate(names, years);
        config(vec![chain], key, &[])
    }

    pub(super) fn certificate(&self, names: &[&str], years: (i32, i32)) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (params(names, years).signed_by(&key, &self.0).unwrap().der().clone(), key)
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }
}

fn params(names: &[&str], years: (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 2), date_time_ymd(years.1, 1, 2));
    params
}

/// A server that signed for itself, as an authority or as none.
pub(super) fn self_signed(is_ca: bool) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let mut params = params(&["127.0.0.1"], (2020, 2090));
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let certificate = params.self_signed(&key).unwrap().der().clone();
    config(vec![certificate], key, &[])
}

pub(super) fn config(chain: Vec<CertificateDer<'static>>, key: KeyPair, alpn: &[&[u8]]) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}
