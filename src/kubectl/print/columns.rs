//! Text aligned in columns: cells end with a tab, a column is as wide as its widest cell plus padding.
//!
//! Models Go's `text/tabwriter` with spaces as padding, and `k8s.io/cli-runtime`'s fork of it, which remembers widths
//! between tables (`get -w`). Widths count characters, as there.

/// Lines of cells that are not aligned yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Columns {
    min_width: u32,
    padding: u32,
    remember: bool,
    text: String,
    remembered: Vec<u32>,
}

impl Columns {
    /// As `get` prints: at least six wide with three spaces between.
    pub fn for_tables() -> Self {
        Columns { min_width: 6, padding: 3, remember: true, text: String::new(), remembered: Vec::new() }
    }

    /// As `describe` prints: two spaces between.
    pub fn for_describe() -> Self {
        Columns { min_width: 0, padding: 2, remember: false, text: String::new(), remembered: Vec::new() }
    }

    /// Adds text; tabs end cells, newlines end lines.
    pub fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The aligned text so far; widths are remembered for what follows.
    pub fn flush(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
        let mut page = Page { lines: &lines, widths: Vec::new(), out: String::new(), columns: self };
        page.format(0, lines.len() as u32);
        let mut out = page.out;
        out.pop();
        out
    }

    /// The text as it was written, with its tabs.
    pub fn raw(self) -> String {
        self.text
    }

    /// Forgets the widths of earlier tables.
    pub fn forget(&mut self) {
        self.remembered.clear();
    }
}

struct Page<'a> {
    lines: &'a [Vec<&'a str>],
    widths: Vec<u32>,
    out: String,
    columns: &'a mut Columns,
}

impl Page<'_> {
    /// Formats a range of lines that share the columns in `widths`; each further column is a run of lines having it.
    fn format(&mut self, from: u32, to: u32) {
        let column = self.widths.len();
        let (mut start, mut this) = (from, from);
        while this < to {
            if column + 1 >= self.lines[this as usize].len() {
                this += 1;
                continue;
            }
            self.print(start, this);
            start = this;
            let mut width = self.columns.min_width.max(self.columns.remembered.get(column).copied().unwrap_or(0));
            while this < to && column + 1 < self.lines[this as usize].len() {
                width = width.max(self.lines[this as usize][column].chars().count() as u32 + self.columns.padding);
                this += 1;
            }
            match self.columns.remembered.get_mut(column) {
                Some(known) => *known = width,
                None if self.columns.remember => self.columns.remembered.push(width),
                None => {}
            }
            self.widths.push(width);
            self.format(start, this);
            self.widths.pop();
            start = this;
        }
        self.print(start, to);
    }

    fn print(&mut self, from: u32, to: u32) {
        for line in &self.lines[from as usize..to as usize] {
            for (i, cell) in line.iter().enumerate() {
                self.out.push_str(cell);
                if i + 1 < line.len()
                    && let Some(width) = self.widths.get(i)
                {
                    let pad = (*width as usize).saturating_sub(cell.chars().count());
                    self.out.extend(std::iter::repeat_n(' ', pad));
                }
            }
            self.out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_run_of_lines_that_have_it() {
        let mut columns = Columns::for_describe();
        columns.write("Name:\tweb\nLabels:\tapp=web\nPods:\n  Long long name\tx\nEnd:\ty\n");
        let expected = "Name:    web\nLabels:  app=web\nPods:\n  Long long name  x\nEnd:              y\n";
        assert_eq!(columns.flush(), expected);
    }

    #[test]
    fn tables_remember_widths_between_flushes() {
        let mut columns = Columns::for_tables();
        columns.write("NAME\tAGE\nlonger-name\t1s\n");
        assert_eq!(columns.flush(), "NAME          AGE\nlonger-name   1s\n");
        columns.write("a\t2s\n");
        assert_eq!(columns.flush(), "a             2s\n");
    }
}
