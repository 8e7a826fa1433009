//! How variables on demand lie in memory: a head, where each text is, and the texts.
//!
//! A text is `<name>=<value>` and a zero byte, as in an environment, so that a value can be handed out
//! where it lies. The texts are in the order of their names. All numbers are words of 64 bits, little endian.

use core::cmp::Ordering;

/// Says that the memory is what it is taken for: `vtasked` and the version of the layout.
const MAGIC: u64 = u64::from_le_bytes(*b"vtasked\x01");
const WORD: usize = 8;
/// The size of all of it, the magic word, the two of the token, and how many texts there are.
const HEAD: usize = 5;
/// The smallest size that it can have.
pub const SMALLEST: usize = HEAD * WORD;

/// The head of such memory.
#[must_use]
pub const fn head(size: u64, token: [u64; 2], count: u64) -> [u64; HEAD] {
    [size, MAGIC, token[0], token[1], count]
}

/// Where the first text is, if there are so many.
#[must_use]
pub const fn first_text(count: usize) -> usize {
    (HEAD + count) * WORD
}

/// Variables on demand, as they lie in memory.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'m> {
    memory: &'m [u8],
    count: usize,
}

impl<'m> Demand<'m> {
    /// What lies in memory that somebody was told of.
    #[must_use]
    pub fn new(memory: &'m [u8], token: [u64; 2]) -> Option<Self> {
        let count = word(memory, HEAD - 1)?;
        let expected = head(memory.len() as u64, token, count);
        let is_it = (0..HEAD).all(|index| word(memory, index) == expected.get(index).copied());
        // So each text has an end.
        let is_ended = memory.last() == Some(&0);
        (is_it && is_ended).then_some(Self {
            memory,
            count: usize::try_from(count).ok()?,
        })
    }

    /// The value of a variable, which goes on to the next zero byte.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&'m [u8]> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let text = self.text(middle)?;
            match compare(text, name) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return text.get(name.len() + 1..),
            }
        }
        None
    }

    /// All names with their values.
    pub fn all(self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        (0..self.count).filter_map(move |index| {
            let text = self.text(index)?.split(|byte| *byte == 0).next()?;
            let end = text.iter().position(|byte| *byte == b'=')?;
            Some((text.get(..end)?, text.get(end + 1..)?))
        })
    }

    /// A text, and everything behind it.
    fn text(&self, index: usize) -> Option<&'m [u8]> {
        let start = word(self.memory, HEAD.checked_add(index)?)?;
        self.memory.get(usize::try_from(start).ok()?..)
    }
}

/// How the name at the beginning of a text stands to another one.
fn compare(text: &[u8], name: &[u8]) -> Ordering {
    let own = text.iter().take_while(|byte| **byte != b'=');
    own.cmp(name.iter())
}

fn word(memory: &[u8], index: usize) -> Option<u64> {
    let start = index.checked_mul(WORD)?;
    let bytes = memory.get(start..start.checked_add(WORD)?)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u64; 2] = [3, u64::MAX];

    fn laid_out(texts: &[&str]) -> Vec<u8> {
        let first = first_text(texts.len());
        let size = first + texts.iter().map(|text| text.len()).sum::<usize>() + texts.len();
        let mut words = head(size.max(first + 1) as u64, TOKEN, texts.len() as u64).to_vec();
        let mut at = first;
        for text in texts {
            words.push(at as u64);
            at += text.len() + 1;
        }
        let mut memory: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        memory.extend(texts.join("\0").into_bytes());
        memory.push(0);
        memory
    }

    fn value<'m>(demand: &Demand<'m>, name: &str) -> Option<&'m str> {
        let found = demand.find(name.as_bytes())?;
        let end = found.iter().position(|byte| *byte == 0).unwrap();
        std::str::from_utf8(&found[..end]).ok()
    }

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let names = ["A", "A!", "AB", "B", "B_C"];
        for count in 0..=names.len() {
            let texts: Vec<String> = names[..count]
                .iter()
                .map(|name| format!("{name}={name}=1"))
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let memory = laid_out(&texts);
            let demand = Demand::new(&memory, TOKEN).unwrap();
            assert_eq!(demand.all().count(), count);
            for (index, name) in names.into_iter().enumerate() {
                let expected = (index < count).then(|| format!("{name}=1"));
                assert_eq!(value(&demand, name).map(str::to_owned), expected, "{name}");
            }
            for name in ["", "=", "A=", "AA", "B_", "C", "A!!"] {
                assert_eq!(value(&demand, name), None, "{name}");
            }
        }
    }

    #[test]
    fn an_empty_value_is_one() {
        let memory = laid_out(&["A=", "B=\n"]);
        let demand = Demand::new(&memory, TOKEN).unwrap();
        assert_eq!(
            (value(&demand, "A"), value(&demand, "B")),
            (Some(""), Some("\n"))
        );
        let all: Vec<(&[u8], &[u8])> = demand.all().collect();
        assert_eq!(all, [(&b"A"[..], &b""[..]), (b"B", b"\n")]);
    }

    #[test]
    fn other_memory_is_none() {
        let memory = laid_out(&["A=1"]);
        assert!(Demand::new(&memory, [3, 4]).is_none());
        assert!(Demand::new(&memory[..memory.len() - 1], TOKEN).is_none());
        assert!(Demand::new(&memory[1..], TOKEN).is_none());
        assert!(Demand::new(&[], TOKEN).is_none());
        let mut many = memory;
        many[32] = 200;
        let demand = Demand::new(&many, TOKEN).unwrap();
        assert_eq!(value(&demand, "Z"), None);
    }
}
