package ffctest

import (
	"errors"
	"fmt"
)

// Restore makes the server hold exactly what data say, which are as for
// NewServer and of the server's environment, in the versions that data have.
// Nothing is pushed and nothing is archived. So a platform looks whose database
// was restored from a backup; one that lost an item without a trace, if data lack
// it; and one whose notification of a change was lost, if data have the change.
// Clients see it when they ask. After an error, which says what is wrong with the
// data, nothing has changed.
func (s *Server) Restore(data []byte) error {
	d := s.platform.protocol()
	entities, err := d.load(data)
	if err == nil && len(entities) > 0 && entities[0].kind == flags && d.secret() != s.EnvSecret {
		err = errors.New("its flags are of another environment")
	}
	if err != nil {
		return fmt.Errorf("ffctest: cannot use the data as data of %v: %w", s.platform, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = store{}
	for _, e := range entities {
		s.store.put(e)
	}
	return nil
}
