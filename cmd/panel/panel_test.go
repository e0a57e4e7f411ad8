package panel_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
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

// packed is a build with the forms that compress.ts lays beside a large asset.
func packed() fstest.MapFS {
	return fstest.MapFS{
		"assets/main-ab.js":    {Data: []byte("export const plain = 1")},
		"assets/main-ab.js.br": {Data: []byte("in br")},
		"assets/main-ab.js.gz": {Data: []byte("in gzip")},
		"assets/small-cd.css":  {Data: []byte("a{}")},
	}
}

func TestServeCompressed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, accept string
		coding, body string
	}{
		{"a browser over TLS", "gzip, deflate, br, zstd", "br", "in br"},
		{"a browser over plain HTTP", "gzip, deflate", "gzip", "in gzip"},
		{"nothing said", "", "", "export const plain = 1"},
		{"nothing that we have", "deflate, zstd", "", "export const plain = 1"},
		{"refused by a weight of nothing", "br;q=0, gzip;q=0.000", "", "export const plain = 1"},
		{"the one that is liked better", "br;q=0.5, gzip;q=0.9", "gzip", "in gzip"},
		{"the smaller one where both are liked the same", "gzip;q=0.8, br;q=0.8", "br", "in br"},
		{"anything", "*", "br", "in br"},
		{"anything but br", "br;q=0, *;q=0.1", "gzip", "in gzip"},
		{"plain before all", "identity, br;q=0.5, gzip;q=0.5", "", "export const plain = 1"},
		{"plain at last", "identity;q=0.1, gzip;q=0.5", "gzip", "in gzip"},
		{"capitals and spaces", " GZIP ; Q=1 ", "gzip", "in gzip"},
		{"a weight that is none", "br;q=much, gzip;q=7", "", "export const plain = 1"},
		{"a name that only contains ours", "xbr, gzipped", "", "export const plain = 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r := httptest.NewRequest(method, "/assets/main-ab.js", nil)
				r.Header.Set("Accept-Encoding", tc.accept)
				w := httptest.NewRecorder()
				panel.Serve(packed()).ServeHTTP(w, r)
				require.Equal(t, http.StatusOK, w.Code)
				require.Equal(t, tc.coding, w.Header().Get("Content-Encoding"))
				require.Equal(t, strconv.Itoa(len(tc.body)), w.Header().Get("Content-Length"))
				require.Equal(t, []string{"Accept-Encoding"}, w.Header().Values("Vary"))
				require.Equal(t, "text/javascript; charset=utf-8", w.Header().Get("Content-Type"))
				require.Equal(t, "public, max-age=31536000, immutable", w.Header().Get("Cache-Control"))
				if method == http.MethodGet {
					require.Equal(t, tc.body, w.Body.String())
				} else {
					require.Empty(t, w.Body.String())
				}
			}
		})
	}
}

func TestServeWhatIsNotCompressed(t *testing.T) {
	t.Parallel()
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", "gzip, br")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		panel.Serve(packed()).ServeHTTP(w, r)
		return w
	}

	small := get("/assets/small-cd.css")
	require.Equal(t, "a{}", small.Body.String())
	require.Empty(t, small.Header().Get("Content-Encoding"))

	part := get("/assets/main-ab.js", "Range", "bytes=0-5")
	require.Equal(t, http.StatusPartialContent, part.Code)
	require.Equal(t, "export", part.Body.String())
	require.Empty(t, part.Header().Get("Content-Encoding"))
	require.Equal(t, "bytes 0-5/22", part.Header().Get("Content-Range"))

	// Asked for by its own name, a form would be compressed once more by a proxy, or run as a script that is none.
	require.Equal(t, http.StatusNotFound, get("/assets/main-ab.js.br").Code)
	require.Equal(t, http.StatusNotFound, get("/assets/main-ab.js.gz").Code)

	gone := get("/assets/main-old.js")
	require.Equal(t, http.StatusNotFound, gone.Code)
	require.Empty(t, gone.Header().Get("Content-Encoding"))
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
