package main

import (
	"bytes"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// machine is one with 8 GiB, and control groups by their path.
func machine(groups map[string]string) fstest.MapFS {
	files := fstest.MapFS{
		"proc/meminfo":     {Data: []byte("MemTotal:        8388608 kB\nMemFree:          123 kB\n")},
		"proc/self/cgroup": {Data: []byte("4:memory:/old\n0::/system.slice/hotline.service\n")},
	}
	for group, limit := range groups {
		files["sys/fs/cgroup"+group+"memory.max"] = &fstest.MapFile{Data: []byte(limit + "\n")}
	}
	return files
}

func TestCollectorIsSetUnlessTheOperatorHas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		root fstest.MapFS
		want string
	}{
		"alone on the machine": {root: machine(nil), want: "GOGC 200, GOMEMLIMIT 4096 MiB"},
		"a group without a limit": {
			root: machine(map[string]string{"/system.slice/hotline.service/": "max", "/system.slice/": "max"}),
			want: "GOGC 200, GOMEMLIMIT 4096 MiB",
		},
		"a group with a limit": {
			root: machine(map[string]string{"/system.slice/hotline.service/": "1073741824"}),
			want: "GOGC 200, GOMEMLIMIT 921 MiB",
		},
		"a group within a smaller one": {
			root: machine(map[string]string{"/system.slice/hotline.service/": "2147483648", "/system.slice/": "1073741824", "/": "max"}),
			want: "GOGC 200, GOMEMLIMIT 921 MiB",
		},
		"a group that is larger than half of the machine": {
			root: machine(map[string]string{"/system.slice/hotline.service/": "8589934592"}),
			want: "GOGC 200, GOMEMLIMIT 4096 MiB",
		},
		"the operator's GOGC":       {env: map[string]string{"GOGC": "50"}, root: machine(nil), want: "GOGC from the environment, GOMEMLIMIT 4096 MiB"},
		"the operator's GOMEMLIMIT": {env: map[string]string{"GOMEMLIMIT": "1GiB"}, root: machine(nil), want: "GOGC 200, GOMEMLIMIT from the environment"},
		"a machine that tells nothing": {
			root: fstest.MapFS{}, want: "GOGC 200, GOMEMLIMIT none: the machine does not tell its memory",
		},
	} {
		getenv := func(key string) string { return c.env[key] }
		require.Equal(t, c.want, newCollector(getenv, c.root).String(), name)
	}
}

// RA6: `hotline serve` sets what reliability.md 11.4 promises, before anything else. Not parallel: it is the whole process's.
func TestServeSetsTheCollector(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	percent := debug.SetGCPercent(100)
	defer func() {
		debug.SetMemoryLimit(before)
		debug.SetGCPercent(percent)
	}()
	debug.SetMemoryLimit(math.MaxInt64)
	var out bytes.Buffer
	run(t.Context(), []string{"serve"}, nil, &out, &out) // ends for want of settings
	require.Less(t, debug.SetMemoryLimit(-1), int64(math.MaxInt64))
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	require.EqualValues(t, gcPercent, sample[0].Value.Uint64())
}
