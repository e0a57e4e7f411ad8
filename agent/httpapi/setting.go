package httpapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotline/agent"
	"hotline/agent/calendar"
	"hotline/agent/door"
	"hotline/agent/policy"
	"hotline/agent/problem"
	"hotline/agent/setting"
)

// Settings is what RegisterSettings needs.
type Settings struct {
	Service *setting.Service
	Names   func(ctx context.Context) (map[string]string, error) // of lines and people, by line:<id> and person:<uuid>
	Log     *slog.Logger
}

type settings struct{ Settings }

// RegisterSettings adds the operations on business settings to the API.
func RegisterSettings(api huma.API, d Settings) {
	h := &settings{d}
	door.Register(api, op("list-settings", http.MethodGet, "/api/v1/settings", "Every setting with its value, since when, and what is to come", "settings"),
		door.Whole(policy.ReadSettings), h.list)
	door.Register(api, op("setting-history", http.MethodGet, "/api/v1/settings/{key}/history", "The versions of a setting, newest first", "settings"),
		door.Whole(policy.ReadSettings), h.history)
	propose := empty(op("propose-setting", http.MethodPost, "/api/v1/settings/{key}/propose", "Change a setting, or ask for a change where two people are needed", "settings"))
	propose.MaxBodyBytes = 64 << 10
	door.Register(api, propose, door.Whole(policy.TuneLines, policy.PlanSettings).As("settings.propose", ""), h.propose)
	door.Register(api, empty(op("answer-setting", http.MethodPost, "/api/v1/settings/{key}/answer", "Agree to a change as the second person, or refuse it", "settings")),
		door.Whole(policy.AgreeSettings), h.answer)
	door.Register(api, empty(op("withdraw-setting", http.MethodPost, "/api/v1/settings/{key}/withdraw", "Take back a change that does not count yet", "settings")),
		door.Whole(policy.TuneLines, policy.PlanSettings).As("settings.withdraw", ""), h.withdraw)
}

// By is who did something; the id is empty for the installation.
type By struct {
	ID   string `json:"id" example:"019ac000-0000-7000-8000-000000000001"`
	Name string `json:"name" example:"李处长"`
}

// Change is a version of a setting.
type Change struct {
	Version       int        `json:"version" example:"2"`
	Value         string     `json:"value" example:"90"`
	Before        string     `json:"before" example:"120" doc:"What was in force when this one was to begin"`
	State         string     `json:"state" enum:"in_force,past,planned,waiting,withdrawn" example:"in_force"`
	EffectiveFrom time.Time  `json:"effective_from" example:"2026-11-26T00:30:00Z" doc:"As it was asked for"`
	InForceFrom   *time.Time `json:"in_force_from,omitempty" example:"2026-11-26T00:30:00Z"`
	Reason        string     `json:"reason" example:"群众等候较多"`
	Author        By         `json:"author"`
	ProposedAt    time.Time  `json:"proposed_at" example:"2026-11-26T00:30:00Z"`
	Approver      *By        `json:"approver,omitempty"`
	ApprovedAt    *time.Time `json:"approved_at,omitempty" example:"2026-11-26T00:30:00Z"`
	Withdrawer    *By        `json:"withdrawer,omitempty"`
	WithdrawnAt   *time.Time `json:"withdrawn_at,omitempty" example:"2026-11-26T00:30:00Z"`
	WithdrawnWhy  string     `json:"withdrawn_why,omitempty" example:"数字太大" doc:"Of whoever is not the author"`
}

// Setting is one setting as it is now.
type Setting struct {
	Key        string   `json:"key" example:"line.wrapup"`
	Scope      string   `json:"scope" example:"session" doc:"A line, a year, or empty"`
	ScopeName  string   `json:"scope_name" example:"接热线"`
	Kind       string   `json:"kind" enum:"number,choice,days" example:"number"`
	Unit       string   `json:"unit" enum:"s,workdays," example:"s"`
	Min        int      `json:"min" example:"0"`
	Max        int      `json:"max" example:"3600"`
	Choices    []string `json:"choices" example:"[\"hotline/recording-notice\"]"`
	TwoPeople  bool     `json:"two_people" example:"false"`
	Value      string   `json:"value" example:"90"`
	Initial    string   `json:"initial" example:"120" doc:"While nobody has set it"`
	InForce    *Change  `json:"in_force,omitempty" doc:"Absent: nobody has set it"`
	Newest     int      `json:"newest" example:"2" doc:"Number of the newest version, to be sent with a proposal"`
	ToCome     []Change `json:"to_come" doc:"Waiting for the second person, and planned"`
	Dropped    *Change  `json:"dropped,omitempty" doc:"The newest change, where somebody else than its author has taken it back"`
	MayPropose bool     `json:"may_propose" example:"true"`
	MayApprove bool     `json:"may_approve" example:"false" doc:"What waits: somebody else has asked for it"`
}

type settingList struct {
	Settings []Setting `json:"settings"`
}

func (h *settings) list(ctx context.Context, _ *struct{}) (*body[settingList], error) {
	who := door.Who(ctx)
	book, names, err := h.read(ctx, who)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	now := h.Service.Now()
	out := settingList{Settings: []Setting{}}
	for _, d := range setting.Catalogue() {
		for _, scope := range scopes(d, book, names, now) {
			out.Settings = append(out.Settings, shelf{book, names, now}.setting(d, scope, who))
		}
	}
	return &body[settingList]{out}, nil
}

func (h *settings) read(ctx context.Context, who agent.Identity) (setting.Book, map[string]string, error) {
	book, err := h.Service.All(ctx, who)
	if err != nil {
		return book, nil, err
	}
	names, err := h.Names(ctx)
	return book, names, err
}

// scopes are those of a setting: the lines; the years with a version, this one and the next.
func scopes(d setting.Definition, book setting.Book, names map[string]string, now time.Time) []string {
	var all []string
	switch d.Per {
	case setting.PerAll:
		return []string{""}
	case setting.PerLine:
		for name := range names {
			if line, ok := strings.CutPrefix(name, "line:"); ok {
				all = append(all, line)
			}
		}
	case setting.PerYear:
		year := calendar.DateOf(now).Year
		all = append(book.Scopes(d.Key), strconv.Itoa(year), strconv.Itoa(year+1))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// shelf is what views are made of.
type shelf struct {
	book  setting.Book
	names map[string]string
	now   time.Time
}

func (s shelf) setting(d setting.Definition, scope string, who agent.Identity) Setting {
	versions := s.book.Versions(d.Key, scope)
	v := Setting{
		Key: string(d.Key), Scope: scope, ScopeName: cmp.Or(s.names["line:"+scope], scope), Kind: string(d.Kind), Unit: d.Unit, Min: d.Min, Max: d.Max,
		Choices: append([]string{}, d.Choices...), TwoPeople: d.TwoPeople, Initial: d.Initial(scope), Value: s.book.Value(d, scope, s.now),
		Newest: len(versions), ToCome: []Change{},
		MayPropose: who.Can(d.Propose, policy.Resource{}),
	}
	agrees := who.Can(policy.AgreeSettings, policy.Resource{})
	for _, x := range versions {
		if x.Waits() || x.Planned(s.now) {
			v.ToCome = append(v.ToCome, s.change(d, x))
		}
		v.MayApprove = v.MayApprove || x.Waits() && agrees && x.Author != who.Actor()
	}
	if in, ok := s.book.At(d.Key, scope, s.now); ok {
		c := s.change(d, in)
		v.InForce = &c
	}
	if n := len(versions); n > 0 && versions[n-1].WithdrawnWhy != "" {
		c := s.change(d, versions[n-1])
		v.Dropped = &c
	}
	return v
}

func (s shelf) change(d setting.Definition, v setting.Version) Change {
	c := Change{
		Version: v.Number, Value: v.Value, EffectiveFrom: v.EffectiveFrom, InForceFrom: when(v.InForceFrom), Reason: v.Reason, Author: *s.by(v.Author),
		ProposedAt: v.ProposedAt, Approver: s.by(v.Approver), ApprovedAt: when(v.ApprovedAt), Withdrawer: s.by(v.Withdrawer), WithdrawnAt: when(v.WithdrawnAt),
		WithdrawnWhy: v.WithdrawnWhy,
		State:        "past",
	}
	began := v.InForceFrom
	if began.IsZero() {
		began = v.EffectiveFrom
	}
	c.Before = s.book.Value(d, v.Scope, began.Add(-time.Microsecond))
	in, _ := s.book.At(v.Key, v.Scope, s.now)
	switch {
	case !v.WithdrawnAt.IsZero():
		c.State = "withdrawn"
	case v.Waits():
		c.State = "waiting"
		c.Before = s.book.Value(d, v.Scope, s.now)
	case v.Planned(s.now):
		c.State = "planned"
	case v.Number == in.Number:
		c.State = "in_force"
	}
	return c
}

// by is nil for nobody.
func (s shelf) by(actor string) *By {
	if actor == "" {
		return nil
	}
	id, _ := strings.CutPrefix(actor, "person:")
	if id == actor {
		return &By{}
	}
	return &By{ID: id, Name: s.names[actor]}
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// SettingPath names the setting.
type SettingPath struct {
	Key string `path:"key" maxLength:"64" example:"line.wrapup"`
}

type settingHistory struct {
	Versions []Change `json:"versions"`
}

func (h *settings) history(ctx context.Context, in *struct {
	SettingPath

	Scope string `query:"scope" maxLength:"32" example:"session"`
},
) (*body[settingHistory], error) {
	d, ok := setting.Find(setting.Key(in.Key))
	if !ok {
		return nil, h.problem(ctx, setting.ErrNotFound)
	}
	book, names, err := h.read(ctx, door.Who(ctx))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	out := settingHistory{Versions: []Change{}}
	for _, v := range book.Versions(d.Key, in.Scope) {
		out.Versions = append(out.Versions, shelf{book, names, h.Service.Now()}.change(d, v))
	}
	slices.Reverse(out.Versions)
	return &body[settingHistory]{out}, nil
}

func (h *settings) propose(ctx context.Context, in *struct {
	SettingPath

	Body struct {
		Scope         string     `json:"scope" maxLength:"32" example:"session"`
		Value         string     `json:"value" maxLength:"20000" example:"90"`
		EffectiveFrom *time.Time `json:"effective_from,omitempty" example:"2026-11-26T00:30:00Z" doc:"Absent: at once, or as soon as the second person has agreed"`
		Seen          int        `json:"seen" minimum:"0" example:"1" doc:"newest, as it was read"`
		Reason        string     `json:"reason" maxLength:"200" example:"群众等候较多"`
	}
},
) (*struct{}, error) {
	p := setting.Proposal{Key: setting.Key(in.Key), Scope: in.Body.Scope, Value: in.Body.Value, Seen: in.Body.Seen, Reason: in.Body.Reason}
	if in.Body.EffectiveFrom != nil {
		p.EffectiveFrom = *in.Body.EffectiveFrom
	}
	return nil, h.problem(ctx, h.Service.Propose(ctx, door.Who(ctx), p))
}

func (h *settings) answer(ctx context.Context, in *struct {
	SettingPath

	Body struct {
		Scope   string `json:"scope" maxLength:"32" example:"session"`
		Version int    `json:"version" minimum:"1" maximum:"1000000" example:"2"`
		Agree   bool   `json:"agree" example:"true"`
		Reason  string `json:"reason,omitempty" maxLength:"200" example:"数字太大" doc:"Why not"`
	}
},
) (*struct{}, error) {
	return nil, h.problem(ctx, h.Service.Answer(ctx, door.Who(ctx), setting.Key(in.Key), in.Body.Scope, in.Body.Version, in.Body.Agree, in.Body.Reason))
}

func (h *settings) withdraw(ctx context.Context, in *struct {
	SettingPath

	Body struct {
		Scope   string `json:"scope" maxLength:"32" example:"session"`
		Version int    `json:"version" minimum:"1" maximum:"1000000" example:"2"`
		Reason  string `json:"reason,omitempty" maxLength:"200" example:"数字太大" doc:"Why, unless one has asked for it oneself"`
	}
},
) (*struct{}, error) {
	return nil, h.problem(ctx, h.Service.Withdraw(ctx, door.Who(ctx), setting.Key(in.Key), in.Body.Scope, in.Body.Version, in.Body.Reason))
}

// problem is the one table of errors; none stays none.
func (h *settings) problem(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if p := door.Command(err); p != nil {
		return p
	}
	if field, ok := errors.AsType[*setting.InvalidError](err); ok {
		if paper, ok := errors.AsType[*calendar.IncompleteError](err); ok {
			missing := make([]string, len(paper.Missing))
			for i, d := range paper.Missing {
				missing[i] = d.String()
			}
			return problem.New(http.StatusUnprocessableEntity, "setting.incomplete").
				With(problem.Field{Location: "body." + field.Field, Message: field.Mend, Value: strings.Join(missing, " ")})
		}
		return problem.New(http.StatusUnprocessableEntity, "setting."+field.Field).With(problem.Field{Location: "body." + field.Field, Message: field.Mend})
	}
	for _, known := range []struct {
		err error
		no  *problem.Problem
	}{
		{setting.ErrNotAllowed, problem.New(http.StatusForbidden, "not_allowed")},
		{setting.ErrNotFound, problem.New(http.StatusNotFound, "not_found").Because("setting")},
		{setting.ErrStale, problem.New(http.StatusConflict, "setting.stale")},
		{setting.ErrWaits, problem.New(http.StatusConflict, "setting.waits")},
		{setting.ErrOwn, problem.New(http.StatusForbidden, "setting.own")},
	} {
		if errors.Is(err, known.err) {
			return known.no
		}
	}
	h.Log.ErrorContext(ctx, "request failed", slog.Any("err", err))
	return problem.New(http.StatusInternalServerError, "internal")
}
