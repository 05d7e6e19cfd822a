//! What a program of awk prints: to standard output and to files, which stay open until they are closed.

use crate::workload::Ctx;
use crate::workload::tool::awk::code::To;
use crate::workload::tool::awk::fault::Fault;

/// What was printed and not yet written.
#[derive(Clone, Debug, Default)]
pub struct Output {
    printed: String,
    /// Open files: the name that the program knows, the path, and what is not yet written.
    files: Vec<(String, String, String)>,
}

impl Output {
    /// Prints `text`; `file` is the name and the path of a file.
    ///
    /// # Errors
    /// The file can not be written.
    pub fn print(&mut self, text: &str, to: To, file: Option<(&str, String)>, ctx: &mut Ctx<'_>) -> Result<(), Fault> {
        match file {
            None | Some(("/dev/stdout" | "-", _)) => self.printed += text,
            Some(("/dev/stderr", _)) => {
                self.flush_printed(ctx);
                ctx.eprint(text);
            }
            Some((name, path)) => {
                let open = self.files.iter().position(|(own, ..)| own == name);
                let index = open.unwrap_or(self.files.len());
                if open.is_none() {
                    ctx.fs.write(&path, b"", to == To::EndOfFile).map_err(|error| {
                        let gnu = ctx.place.has_gnu_tools();
                        Fault::bare(if gnu {
                            format!("cannot open \"{name}\" for output ({error})")
                        } else {
                            format!("can't open '{name}': {error}")
                        })
                    })?;
                    self.files.push((name.to_owned(), path, String::new()));
                }
                self.files[index].2 += text;
            }
        }
        Ok(())
    }

    fn flush_printed(&mut self, ctx: &mut Ctx<'_>) {
        if !self.printed.is_empty() {
            ctx.print(std::mem::take(&mut self.printed));
        }
    }

    /// Writes everything.
    ///
    /// # Errors
    /// A file can not be written.
    pub fn flush(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Fault> {
        self.flush_printed(ctx);
        for (name, path, text) in self.files.iter_mut().filter(|(.., text)| !text.is_empty()) {
            let written = ctx.fs.write(path, std::mem::take(text).as_bytes(), true);
            written.map_err(|error| Fault::bare(format!("{name}: {error}")))?;
        }
        Ok(())
    }

    /// Closes a file; whether it was open.
    ///
    /// # Errors
    /// It can not be written.
    pub fn close(&mut self, name: &str, ctx: &mut Ctx<'_>) -> Result<bool, Fault> {
        self.flush(ctx)?;
        let before = self.files.len();
        self.files.retain(|(own, ..)| own != name);
        Ok(self.files.len() < before)
    }
}
