//! A text as a QR code, to be drawn.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The empty border that a reader needs, in modules.
const QUIET: i32 = 4;

/// A QR code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrView {
    /// Its width and height in modules, with the empty border.
    pub size: u32,
    /// Its dark modules as the path of an SVG, a module being 1 by 1.
    pub path: String,
}

/// The QR code of a text; `None` if the text is too long for one (2,953 bytes).
pub fn of(text: &str) -> Option<QrView> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        // A row of dark modules is one rectangle.
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
            let run = i32::try_from(run).unwrap_or(0);
            if run > 0 {
                write!(path, "M{},{}h{run}v1h-{run}z", x + QUIET, y + QUIET)
                    .expect("a string takes all that is written");
            }
            x += run.max(1);
        }
    }
    Some(QrView { size: u32::try_from(code.size() + 2 * QUIET).unwrap_or(0), path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_drawn_as_long_as_it_fits() {
        let code = of("https://example.com/#1.AAAA").expect("it is short");
        assert_eq!(code.size, 25 + 8, "version 2");
        // The upper edges of the finders: seven dark modules at both ends of the first row.
        assert!(code.path.starts_with("M4,4h7v1h-7z") && code.path.contains("M22,4h7v1h-7z"), "{}", code.path);
        assert!(of(&"a".repeat(2_953)).is_some());
        assert_eq!(of(&"a".repeat(2_954)), None);
    }
}
