package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const versioned = "/api/v1/"

// Since when addresses without a version are out of use, and until when they are answered: for this release (design.md §5).
func unversionedSince() time.Time { return time.Date(2026, time.November, 27, 0, 0, 0, 0, time.UTC) }
func unversionedUntil() time.Time { return time.Date(2027, time.May, 27, 0, 0, 0, 0, time.UTC) }

// unversioned answers below /api/ as below /api/v1/: everything behind it knows the one address only, the memory of commands and the trail among
// them. The answer says that the address goes (RFC 9745), when (RFC 8594), and which one stays (RFC 5829).
func (s *server) unversioned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !lacksVersion(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		s.oldPaths.Add(1)
		u := *r.URL
		u.Path, u.RawPath = withVersion(u.Path), withVersion(u.RawPath)
		h := w.Header()
		h.Set("Deprecation", "@"+strconv.FormatInt(unversionedSince().Unix(), 10))
		h.Set("Sunset", unversionedUntil().Format(http.TimeFormat))
		h.Set("Link", "<"+(&url.URL{Path: u.Path, RawPath: u.RawPath}).EscapedPath()+`>; rel="successor-version"`)
		q := *r
		q.URL = &u
		next.ServeHTTP(w, &q)
	})
}

// lacksVersion is true of what is below /api/ in no version, but for the descriptions, which have none.
func lacksVersion(path string) bool {
	return strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, versioned) && path != "/api/openapi.json" && path != "/api/asyncapi.json"
}

func withVersion(path string) string {
	if rest, found := strings.CutPrefix(path, "/api/"); found {
		return versioned + rest
	}
	return path
}

// unversionedMetrics counts who still asks without a version: at none, the next release may do without.
func (s *server) unversionedMetrics() {
	s.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "hotline", Subsystem: "http", Name: "unversioned_requests_total", Help: "Requests below /api/ without a version, which ends with this release.",
	}, func() float64 { return float64(s.oldPaths.Load()) }))
}
