//go:build !linux

package bolt_test

const faultDir = "LUUTIN_TEST_FAULT"

func faulty(string) error { return nil }
