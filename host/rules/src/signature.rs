//! Who vouches for a component: an Ed25519 signature in a file beside it.
//!
//! The text is two words of hexadecimal digits: the public key of the publisher, and the signature
//! of [`message`]. What a key is worth is for a policy, or a lock, to say.

use ed25519_dalek::{Signature, VerifyingKey};
use vt_base::Digest;

/// Longer texts are no signature, in bytes.
pub const MAX_SIGNATURE: usize = 1_024;

/// What a publisher signs for a component of this digest. The words before it keep the signature
/// from meaning anything elsewhere.
#[must_use]
pub fn message(component: &Digest) -> String {
    format!("vt rule component 1 {component}\n")
}

/// The public key, in 64 hexadecimal digits, whose holder signed the component.
///
/// # Errors
/// When the text is no signature, or not one of this component.
pub fn publisher(component: &Digest, text: &str) -> Result<String, &'static str> {
    let mut words = text.split_ascii_whitespace();
    let (Some(key), Some(signature), None) = (words.next(), words.next(), words.next()) else {
        return Err("it is not a key and a signature");
    };
    let halves = signature.split_at_checked(64);
    let (Some(key), Some((left, right))) = (Digest::from_hex(key), halves) else {
        return Err("it is not written in lower-case hexadecimal digits");
    };
    let (Some(left), Some(right)) = (Digest::from_hex(left), Digest::from_hex(right)) else {
        return Err("its signature is not written in 128 lower-case hexadecimal digits");
    };
    let holder = VerifyingKey::from_bytes(&key.0).map_err(|_| "its key is no Ed25519 key")?;
    // The strict way: a weak key, or a second form of a signature, proves nothing.
    holder
        .verify_strict(
            message(component).as_bytes(),
            &Signature::from_components(left.0, right.0),
        )
        .map_err(|_| "it does not fit the component")?;
    Ok(key.to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    fn signed(component: &Digest) -> (String, String) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let bytes = key.sign(message(component).as_bytes()).to_bytes();
        let signature: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        (Digest(key.verifying_key().to_bytes()).to_hex(), signature)
    }

    #[test]
    fn a_signature_names_its_publisher() {
        let component = Digest::of(b"component");
        let (key, signature) = signed(&component);
        let text = format!("{key} {signature}\n");
        assert_eq!(publisher(&component, &text), Ok(key));
    }

    #[test]
    fn a_signature_of_another_component_or_key_is_none() {
        let component = Digest::of(b"component");
        let (key, signature) = signed(&component);
        let other = Digest::of(b"other");
        assert!(publisher(&other, &format!("{key} {signature}")).is_err());
        assert!(publisher(&component, &format!("{other} {signature}")).is_err());
        // The neutral element is a key that everything fits.
        let weak = format!("01{}", "0".repeat(62));
        assert!(publisher(&component, &format!("{weak} {weak}{}", "0".repeat(64))).is_err());
        for text in [
            "",
            &key,
            &signature,
            &format!("{key} {signature} x"),
            &format!("{key} ab"),
        ] {
            assert!(publisher(&component, text).is_err(), "{text}");
        }
    }
}
