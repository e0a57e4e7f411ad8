package main

type doctorCmd struct{}

// Run is written below.
func (doctorCmd) Run(env) error { return nil }

type verifyCmd struct{}

// Run is written below.
func (verifyCmd) Run(env) error { return nil }
