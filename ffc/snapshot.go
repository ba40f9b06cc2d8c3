package ffc

import "io"

// WriteSnapshot writes the data the client has, in the form Config.Bootstrap
// takes: embed it in a program, and the program has flags before it has a
// connection. It
// returns ErrNotReady while there is no data, and after Close.
func (c *Client) WriteSnapshot(w io.Writer) error {
	v := c.current()
	if !v.serving {
		return ErrNotReady
	}
	_, err := w.Write(c.cfg.dialect.AppendSnapshot(nil, v.snapshot))
	return err
}
