package model

// List is a list of up to millions of texts. It stores them in one string: a
// slice of strings would take twice as much memory as the data.
type List struct {
	Text string   // all texts, one after the other
	Ends []uint32 // end of each text in Text
}

// Texts returns a list.
func Texts(texts ...string) (l List) {
	for _, t := range texts {
		l.Text += t
		l.Ends = append(l.Ends, uint32(len(l.Text)))
	}
	return l
}

// Len returns the number of texts.
func (l *List) Len() int { return len(l.Ends) }

// At returns the text with the index i.
func (l *List) At(i int) string {
	start := uint32(0)
	if i > 0 {
		start = l.Ends[i-1]
	}
	return l.Text[start:l.Ends[i]]
}

// All returns the texts, which are slices of Text; nil if there are none.
func (l *List) All() (texts []string) {
	for i := range l.Ends {
		texts = append(texts, l.At(i))
	}
	return texts
}
