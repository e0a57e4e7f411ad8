package panel_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	panel "hotline/cmd/panel"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":          {Data: []byte{}},
		"index.html":        {Data: []byte("<!doctype html><title>panel</title>")},
		"favicon.svg":       {Data: []byte("<svg/>")},
		"assets/main-ab.js": {Data: []byte("export{}")},
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, method, path string
		status             int
		caching, kind      string
	}{
		{"the page", http.MethodGet, "/", http.StatusOK, "no-store", "text/html; charset=utf-8"},
		{"a reload deep inside", http.MethodGet, "/seat/A01", http.StatusOK, "no-store", "text/html; charset=utf-8"},
		{"the page by its name, without a redirect", http.MethodGet, "/index.html", http.StatusOK, "no-store", "text/html; charset=utf-8"},
		{"an asset", http.MethodGet, "/assets/main-ab.js", http.StatusOK, "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{"an asset of an older build", http.MethodGet, "/assets/main-old.js", http.StatusNotFound, "no-store", "text/plain; charset=utf-8"},
		{"the icon", http.MethodHead, "/favicon.svg", http.StatusOK, "public, max-age=3600", "image/svg+xml"},
		{"a hidden file is a page", http.MethodGet, "/.gitkeep", http.StatusOK, "no-store", "text/html; charset=utf-8"},
		{"a way out", http.MethodGet, "/assets/../../panel.go", http.StatusOK, "no-store", "text/html; charset=utf-8"},
		{"a command", http.MethodPost, "/", http.StatusMethodNotAllowed, "", "text/plain; charset=utf-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			panel.Serve(built()).ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, nil))
			require.Equal(t, tc.status, w.Code)
			require.Equal(t, tc.caching, w.Header().Get("Cache-Control"))
			require.Equal(t, tc.kind, w.Header().Get("Content-Type"))
		})
	}
}

func TestServeWithoutABuild(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	panel.Serve(fstest.MapFS{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), "make build")
}

func TestHandlerHandsOverToADevelopmentServer(t *testing.T) {
	t.Parallel()
	vite := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("vite " + r.URL.Path))
	}))
	t.Cleanup(vite.Close)
	w := httptest.NewRecorder()
	panel.Handler(vite.URL).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/src/main.ts", nil))
	require.Equal(t, "vite /src/main.ts", w.Body.String())

	w = httptest.NewRecorder()
	panel.Handler("nonsense").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusBadGateway, w.Code)
}
