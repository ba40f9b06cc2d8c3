package model

// List is a list of texts that can be millions. It holds them in one piece, as a
// slice of strings would take twice as much memory as the data they come from.
type List struct {
	Text string   // all texts, one after the other
	Ends []uint32 // of each, in Text
}

// Texts returns a list.
func Texts(texts ...string) (l List) {
	for _, t := range texts {
		l.Text += t
		l.Ends = append(l.Ends, uint32(len(l.Text)))
	}
	return l
}

// Len is how many texts there are.
func (l *List) Len() int { return len(l.Ends) }

// At returns a text.
func (l *List) At(i int) string {
	start := uint32(0)
	if i > 0 {
		start = l.Ends[i-1]
	}
	return l.Text[start:l.Ends[i]]
}

// All returns the texts, as slices of one piece; nil if there is none.
func (l *List) All() (texts []string) {
	for i := range l.Ends {
		texts = append(texts, l.At(i))
	}
	return texts
}
