package problem_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/problem"
)

const root = "../.."

// source is every line of the server's Go, tests aside.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{"agent", "telephony", "ticketing", "realtime", "cmd/hotline"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		require.NoError(t, err)
	}
	return all.String()
}

// refusal is where the server refuses: what it says of which code, and which slots it fills.
var refusal = regexp.MustCompile(`(?:http\.Status\w+[,:]\s*|door\.Moved\(|code = )"([a-z][a-z_.]*)"([^\n]*)`)

var because = regexp.MustCompile(`\.Because\("(\w+)"\)`)

// codesInUse are those of the server's source, with code/why where it says why; of each what stands behind it on its lines.
func codesInUse(t *testing.T) map[string][]string {
	t.Helper()
	used := map[string][]string{}
	for _, m := range refusal.FindAllStringSubmatch(source(t), -1) {
		code := strings.TrimSuffix(m[1], ".") // "field." and the field's name
		if _, told := used[code]; !told {
			used[code] = nil
		}
		if why := because.FindStringSubmatch(m[2]); why != nil {
			code += "/" + why[1]
		}
		used[code] = append(used[code], m[2])
	}
	require.Greater(t, len(used), 20)
	return used
}

// Every code that the server may answer with has texts in both languages with every slot filled, and the panel knows it (RP3).
func TestEveryCodeHasItsTexts(t *testing.T) {
	t.Parallel()
	used := codesInUse(t)
	known := map[string]bool{}
	for _, code := range problem.Codes() {
		known[code] = true
		require.Contains(t, used, code, "no refusal has the code: take its texts away")
	}
	for code, lines := range used {
		require.True(t, known[code], "%s has no texts in agent/problem", code)
		name, why, _ := strings.Cut(code, "/")
		for language, word := range map[string]string{"zh-CN": `\p{Han}`, "en-GB,zh;q=0.5": `[a-z]{2}`} {
			p := problem.New(http.StatusConflict, name).Because(why).For(t.Context(), language)
			require.Regexp(t, word, p.Title, code)
			require.Regexp(t, word, p.Detail, code)
			for _, slot := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(p.Title+p.Detail, -1) {
				for _, line := range lines {
					require.Contains(t, line, `"`+slot[1]+`=`, "%s is told without it", code)
				}
			}
		}
	}
	for _, locale := range []string{"zh-CN", "en"} {
		panel, err := os.ReadFile(filepath.Join(root, "cmd/panel/src/locales", locale, "base.ts"))
		require.NoError(t, err)
		for code := range used {
			code, _, _ = strings.Cut(code, "/")
			require.Contains(t, string(panel), "\n    "+strings.ReplaceAll(code, ".", "_")+": ", "%s does not know the code", locale)
		}
	}
}

// What a field wants is told in Chinese too.
func TestEveryMendIsTranslated(t *testing.T) {
	t.Parallel()
	var mends []string
	for _, dir := range []string{"agent", "agent/httpapi", "agent/setting"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		require.NoError(t, err)
		for _, path := range files {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "agent/assignment.go") { // that one speaks to the command line
				continue
			}
			for _, m := range regexp.MustCompile(`(?:Mend: |InvalidError\{"\w+", (?:fmt\.Sprintf\()?)"([^"]+)"[,}]`).FindAllStringSubmatch(string(text), -1) {
				mends = append(mends, regexp.MustCompile(`%[dq]`).ReplaceAllString(m[1], "7"))
			}
		}
	}
	require.Greater(t, len(mends), 16)
	for _, mend := range append(mends, "expected length <= 200", "expected required property place to be present", "body.title: is no plain text: it holds a control character (U+0000)",
		`line 3: date "x": want a date like 2026-11-26`) {
		p := problem.New(http.StatusUnprocessableEntity, "field.x").With(problem.Field{Location: "body.x", Message: mend})
		require.Regexp(t, `\p{Han}`, p.For(t.Context(), "").Errors[0].Message)
		require.Equal(t, mend, p.For(t.Context(), "en").Errors[0].Message)
	}
}

// The code is one, and the reader is told what it comes from; whoever asks for a reason that has no texts tells those of the code.
func TestWhyIsTold(t *testing.T) {
	t.Parallel()
	for why, want := range map[string][2]string{
		"seat": {"这件事由 A01 席的人来做", "This is for the people of seat A01"}, "sit": {"您还没有就座", "You have no seat"},
		"": {"您没有权限做这件事", "This is not yours to do"}, "another": {"您没有权限做这件事", "This is not yours to do"},
	} {
		p := problem.New(http.StatusForbidden, "not_allowed", "seat=A01").Because(why)
		require.Equal(t, want, [2]string{p.For(t.Context(), "").Title, p.For(t.Context(), "en").Title})
		require.Equal(t, "urn:hotline:not_allowed", p.For(t.Context(), "").Type)
	}
	for code, title := range map[string]string{"field.place": "填写的内容有误", "setting.value": "填写的内容不能用", "setting.own": "自己提出的改动要由另一人同意"} {
		require.Equal(t, title, problem.New(http.StatusUnprocessableEntity, code).For(t.Context(), "").Title)
	}
}

func TestReadersLanguage(t *testing.T) {
	t.Parallel()
	for header, english := range map[string]bool{
		"": false, "zh-CN": false, "en": true, "en-US,en;q=0.9": true, "zh-CN,zh;q=0.9,en;q=0.8": false, "de, en;q=0.7, zh;q=0.3": true,
		"fr": false, "en;q=x": false, "EN-gb": true, "*": false, ",;q=,": false,
	} {
		require.Equal(t, english, problem.English(header), header)
	}
}

// What is said of a refusal may hold anything, and the answer is JSON all the same; it says when to try again, and which request it was.
func TestWrite(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(problem.WithRequestID(t.Context(), "0a1b"), http.MethodGet, "/", http.NoBody)
	r.Header.Set("Accept-Language", "en")
	problem.Write(w, r, problem.New(http.StatusConflict, "seat.taken", "name=a \"quoted\" \\ word\n"))
	require.Equal(t, http.StatusConflict, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.Empty(t, w.Header().Get("Retry-After"))
	var told map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &told))
	require.Equal(t, map[string]any{
		"type": "urn:hotline:seat.taken", "code": "seat.taken", "title": "This place is taken", "status": 409.0,
		"detail": "a \"quoted\" \\ word\n has it; choose another.", "instance": "urn:hotline:request:0a1b",
	}, told)

	for p, seconds := range map[*problem.Problem]string{
		problem.New(http.StatusServiceUnavailable, "unavailable"):                              "1",
		problem.New(http.StatusTooManyRequests, "too_many").After(1500 * time.Millisecond):     "2",
		problem.New(http.StatusServiceUnavailable, "exchange.away").After(time.Nanosecond * 9): "1",
	} {
		w := httptest.NewRecorder()
		problem.Write(w, r, p)
		require.Equal(t, seconds, w.Header().Get("Retry-After"))
		require.Contains(t, w.Body.String(), seconds+" s")
	}
	var err error = problem.New(http.StatusNotFound, "not_found")
	require.EqualError(t, err, "404 not_found")
}
