//! Guesses the known word that a misspelled word stands for.

/// The known word with the fewest edits, if it is near enough for a typo.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(40).flat_map(char::to_lowercase).collect();
    let far = |known: &&str| distance(&word, &known.chars().collect::<Vec<_>>());
    let best = known.iter().copied().min_by_key(|known| far(known))?;
    (far(&best) <= 1 + word.len().min(best.len()) / 3).then_some(best)
}

/// Counts insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let same = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (rows[i - 1][j] + 1)
                    .min(rows[i][j - 1] + 1)
                    .min(rows[i - 1][j - 1] + same);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_does_not() {
        let known = ["port", "health", "command", "env", "public"];
        for (word, wanted) in [
            ("prot", Some("port")),
            ("Port", Some("port")),
            ("ports", Some("port")),
            ("comand", Some("command")),
            ("healthcheck", None),
            ("environment", None),
            ("envs", Some("env")),
            ("zebra", None),
        ] {
            assert_eq!(nearest(word, &known), wanted, "{word}");
        }
    }
}
