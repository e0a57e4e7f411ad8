package store

// Texts is how breaches name their rows.
func Texts(seqs []int64) []string { return texts(seqs) }
