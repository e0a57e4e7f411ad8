// Package problem is how this house refuses over HTTP: RFC 9457 problems, all made here, in the reader's language (RP3). Programs go by
// the code, people read title and detail; what was wrong with which field stands in errors.
//
// It knows no domain and no HTTP library.
package problem

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Problem is one refusal. Title, Detail and the messages are filled when it is told.
type Problem struct { //nolint:errname // it is called what RFC 9457 calls it
	Type     string  `json:"type" format:"uri" example:"urn:hotline:not_found" doc:"urn:hotline: and the code"`
	Code     string  `json:"code" example:"not_found" doc:"What programs go by; it never changes its meaning"`
	Title    string  `json:"title" example:"没有找到" doc:"What happened, in the reader's language"`
	Status   int     `json:"status" example:"404"`
	Detail   string  `json:"detail" example:"请核对编号；也可能它不归您查看。" doc:"What to do about it"`
	Instance string  `json:"instance,omitempty" format:"uri" example:"urn:hotline:request:8f14e45fceea167a" doc:"This one request, as the server's log names it (X-Request-Id)"`
	Errors   []Field `json:"errors,omitempty" doc:"Which fields, and what is wanted there"`

	Now any `json:"now,omitempty" example:"{\"version\":4}" doc:"What there is now, where the command was made on something older: the ticket, or the call at the seat"`

	why   string
	slots []string
	retry time.Duration
}

// Field is what is wrong with one field of a request, or names what stands in the way.
type Field struct {
	Location string `json:"location" example:"body.title" doc:"body.title, query.limit, path.id"`
	Code     string `json:"code,omitempty" example:"required" doc:"For programs, where there is one"`
	Message  string `json:"message" example:"必须填写" doc:"What is wanted there"`
	Value    string `json:"value,omitempty" example:"A02" doc:"What stands in the way; never what was sent"`
}

// New makes a problem. The slots of its texts are given as name=value; a value may be read by whoever gets the answer. Another try of 429
// and 503 is worth it after a second, unless After says otherwise.
func New(status int, code string, slots ...string) *Problem {
	p := &Problem{Type: "urn:hotline:" + code, Code: code, Status: status, slots: slots}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		p.retry = time.Second
	}
	return p
}

// Because says why more narrowly than the code does: in texts that are code/why's own. Programs are told the code alone.
func (p *Problem) Because(why string) *Problem {
	p.why = why
	return p
}

// With names fields.
func (p *Problem) With(fields ...Field) *Problem {
	p.Errors = append(p.Errors, fields...)
	return p
}

// Showing tells what there is now.
func (p *Problem) Showing(now any) *Problem {
	p.Now = now
	return p
}

// After says when another try is worth it.
func (p *Problem) After(d time.Duration) *Problem {
	p.retry = d
	return p
}

func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// Size is so many bytes as texts tell them.
func Size(bytes int64) string {
	if bytes >= 1<<10 && bytes%(1<<10) == 0 {
		return strconv.FormatInt(bytes>>10, 10) + " KB"
	}
	return strconv.FormatInt(bytes, 10) + " B"
}

// Error implements error.
func (p *Problem) Error() string { return strconv.Itoa(p.Status) + " " + p.Code }

// GetStatus is the status of the answer; with GetHeaders and ContentType what the HTTP library asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers of the answer: when to try again.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds(p.retry)))
	}
	return h
}

// ContentType of the answer.
func (*Problem) ContentType(string) string { return "application/problem+json" }

// For is the problem as a reader of these languages (Accept-Language) is told it: Chinese, unless English is preferred. The context tells
// which request it was.
func (p *Problem) For(ctx context.Context, languages string) *Problem {
	q := *p
	t := textOf(p.Code, p.why)
	english := English(languages)
	q.Title, q.Detail = t.title, t.detail
	if english {
		q.Title, q.Detail = t.englishTitle, t.englishDetail
	}
	if q.Title == "" {
		q.Title = http.StatusText(p.Status)
	}
	request := RequestID(ctx)
	for _, slot := range append(slices.Clone(p.slots), "seconds="+strconv.Itoa(seconds(p.retry)), "request="+request) {
		name, value, _ := strings.Cut(slot, "=")
		q.Title = strings.ReplaceAll(q.Title, "{"+name+"}", value)
		q.Detail = strings.ReplaceAll(q.Detail, "{"+name+"}", value)
	}
	q.Errors = nil
	for _, f := range p.Errors {
		f.Message = message(f, english)
		q.Errors = append(q.Errors, f)
	}
	if request != "" {
		q.Instance = "urn:hotline:request:" + request
	}
	return &q
}

// English says that a reader prefers English to Chinese; who says nothing reads Chinese.
func English(languages string) bool {
	best, english := 0.0, false
	for part := range strings.SplitSeq(languages, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			parsed, err := strconv.ParseFloat(v, 64)
			if err != nil {
				continue
			}
			q = parsed
		}
		language, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if q > best && (language == "en" || language == "zh") {
			best, english = q, language == "en"
		}
	}
	return english
}

// Write answers with a problem.
func Write(w http.ResponseWriter, r *http.Request, p *Problem) {
	body, err := json.Marshal(p.For(r.Context(), r.Header.Get("Accept-Language")))
	if err != nil { // texts and a number
		body = []byte("{}")
	}
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the asker has gone
}

type requestKey struct{}

// WithRequestID names the request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID is the request's name; empty: it has none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
