package local

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// who tells of a process what its user needs to recognise it: "process 4711 (apt-get update), since 14:03:12".
func who(pid int) string {
	if pid <= 0 {
		return "a process of another container"
	}
	said := "process " + strconv.Itoa(pid)
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 {
		command := []rune(strings.TrimSpace(strings.ToValidUTF8(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})), "?")))
		if len(command) > 100 {
			command = append(command[:100], '…')
		}
		said += " (" + string(command) + ")"
	}
	if t, ok := startOf(pid); ok {
		said += ", since " + t.Format(time.TimeOnly)
	}
	return said
}

// startOf is when a process was started, by the kernel's count of ticks since the machine was.
func startOf(pid int) (time.Time, bool) {
	const ticks = 100 // a second, on every Linux that Go runs on (USER_HZ)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return time.Time{}, false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // a name may have any byte, so from its end
	machine, err := os.ReadFile("/proc/stat")
	if err != nil || len(fields) < 20 {
		return time.Time{}, false
	}
	_, after, _ := strings.Cut(string(machine), "\nbtime ")
	booted, _, _ := strings.Cut(after, "\n")
	boot, err := strconv.ParseInt(booted, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	start, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(boot+start/ticks, 0), true
}
