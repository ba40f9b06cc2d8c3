package ffc

// ForgetDefault takes SetDefault back.
func ForgetDefault() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.cfg, shared.client = nil, nil
}
