package problem

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// text is what people read of a code. {name} is filled from the problem's slots.
type text struct{ title, detail, englishTitle, englishDetail string }

// textOf finds the texts of a code, and of why if they are its own; field.x and setting.x have those of the family, if none are their own.
func textOf(code, why string) text {
	all := allTexts()
	family, _, _ := strings.Cut(code, ".")
	for _, key := range []string{code + "/" + why, code} {
		if t, own := all[key]; own {
			return t
		}
	}
	return all[family]
}

// Codes are all there are; field stands for field.<name>, setting for what is wrong with one of its fields, and code/why is a code with the narrower texts of Because.
func Codes() []string { return slices.Sorted(maps.Keys(allTexts())) }

// texts is the one table of codes: a client may rely on each of them. What is refused and why comes first, then the mend.
func texts() map[string]text {
	return map[string]text{
		"call.not_in_conversation": {"通话已经结束", "现在没有人与来电人通话，请看最新状态。", "The conversation is over", "Nobody speaks with the caller now; read the call again."},
		"callback.closed":          {"这件回拨已经有人处理了", "请看最新的列表。", "Somebody has dealt with this callback", "Read the list again."},
		"client.replaced":          {"本席位的电话已转到另一个页面", "本页不再接听；要在这里接听，请重新就座。", "Another page holds the telephone of this seat", "Take the seat again to answer here."},
		"command.key_reused":       {"同一个操作编号已用于另一项操作", "请为每项操作使用新的 Idempotency-Key。", "Another command was sent under this Idempotency-Key", "Give every command a key of its own."},
		"command.running":          {"上一次操作还在进行", "请稍候看结果；程序请用同一个 Idempotency-Key 再次发送。", "The same command is still running", "Wait a moment and send it again with the same Idempotency-Key."},
		"device.not_ok":            {"电话还没有接通", "请先完成接听前测试。", "The telephone is not ready", "Finish the test before taking calls."},
		"exchange.away":            {"电话系统暂时没有响应", "系统正在自动恢复，请 {seconds} 秒后再试。", "The telephone exchange does not answer", "It comes back by itself; try again in {seconds} s."},
		"field":                    {"填写的内容有误", "请按下列各项的说明更正。", "A field is wrong", "Mend what errors names."},
		"head_too_large":           {"请求头太大", "最多 {most}；浏览器请清除本站的 Cookie 后再试。", "The head of the request is too large", "At most {most}; in a browser, delete this site's cookies."},
		"hold_only":                {"系统正在恢复", "正在进行的通话不受影响，请 {seconds} 秒后再试。", "Call control is waiting for its database", "Conversations go on; try again in {seconds} s."},
		"idempotency_key":          {"Idempotency-Key 不正确", "只能有一个，最多 100 个字符。", "The Idempotency-Key is wrong", "One alone, of at most 100 characters."},
		"internal":                 {"系统出了问题，已经记录", "请再试一次；仍不行请联系管理员，报上编号 {request}。", "Something went wrong on our side and was recorded", "Try again; if it stays, report the number {request}."},
		"invalid":                  {"提交的内容有误", "请按下列各项的说明更正；接口说明见 /api/openapi.json。", "The request is wrong", "Mend what errors names; /api/openapi.json describes the API."},
		"login.required":           {"请先登录", "还没有登录，或登录已经失效。", "Nobody is signed in", "Sign in first; a login ends by itself after a while."},
		"login.wrong":              {"用户名或密码不对", "请检查大小写和输入法再试一次；多次输错会暂时锁定。", "Login name or password is wrong", "Check capitals and the input method; several failures lock the account for a while."},
		"media_type":               {"不支持这种内容类型", "请用 Content-Type: application/json 发送。", "This type of content is not understood", "Send Content-Type: application/json."},
		"method":                   {"这个地址不支持该方法", "支持的方法：{allow}。", "This address does not take that method", "It takes {allow}."},
		"not_allowed":              {"您没有权限做这件事", "需要的话请联系班长或管理员。", "This is not yours to do", "Ask the supervisor or an administrator if you need to."},
		"not_allowed/no_seat":      {"这通来电现在不在任何席位上", "请看最新状态。", "No seat holds the call", "Read it again."},
		"not_allowed/right":        {"您的角色没有这项权限", "所需权限：{right}。需要的话请联系班长或管理员。", "Your roles do not allow this", "It takes the right {right}; ask the supervisor or an administrator if you need it."},
		"not_allowed/seat":         {"这件事由 {seat} 席的人来做", "需要的话请联系该席位或班长。", "This is for the people of seat {seat}", "Ask them or the supervisor if you need to."},
		"not_allowed/sit":          {"您还没有就座", "请先在席位上就座，再接通电话。", "You have no seat", "Take a seat before you connect its telephone."},
		"not_allowed/speaker":      {"静音由通话的人自己操作", "请联系正在 {seat} 席通话的人。", "Only who speaks at seat {seat} mutes and unmutes it", "Ask who speaks there."},
		"not_allowed/ticket":       {"这件工单不归您办理", "需要的话请联系班长或承办单位。", "This ticket is not yours to change", "Ask the supervisor or the unit that handles it."},
		"not_allowed/topics":       {"有的主题不归您订阅", "请去掉不归您看的主题；席位的主题须先就座。", "One of the topics is not for you", "Leave it out; take a seat before you ask for its topic."},
		"not_found":                {"没有找到", "请核对编号；它也可能已被移走，或不归您查看。", "There is no such thing, or it is not yours to see", "Check the id."},
		"not_found/address":        {"没有这个地址", "接口说明见 /api/openapi.json。", "There is no such address", "/api/openapi.json lists the operations."},
		"not_found/call":           {"没有这个席位或这通来电", "请核对编号；通话可能已经结束。", "There is no such seat, call or offer", "Check the id; the call may be over."},
		"not_found/callback":       {"没有这件回拨", "请核对编号。", "There is no such callback", "Check the id."},
		"not_found/seat":           {"没有这个席位", "请核对席位号，如 A01。", "There is no such seat", "Check its name, such as A01."},
		"not_found/setting":        {"没有这项设置", "请核对名称和版本。", "There is no such setting or version", "Check its key."},
		"not_found/ticket":         {"没有找到这件工单或这通来电", "请核对编号；它也可能不归您查看。", "There is no such ticket or call, or it is not yours to see", "Check the id."},
		"offer.closed":             {"这次来电已经结束或已转给其他席位", "请看最新状态。", "The offer is answered, withdrawn or over", "Read the seat's call again."},
		"origin":                   {"请求来自其他网站", "请从本系统的页面操作。", "The request comes from a page of another site", "Use the system's own pages."},
		"person.elsewhere":         {"您还在 {seat} 席上", "请先签出那个席位。", "You have a place at seat {seat}", "Give it back first."},
		"position":                 {"页面的数据位置已经失效", "请刷新页面；程序请把 since 留空，重新读取快照。", "since is not a position", "Leave it empty and read a fresh snapshot."},
		"reason.missing":           {"没有写明原因", "请写明原因。", "The reason is missing", "Say why."},
		"seat.not_assigned":        {"这个席位现在没有排给您", "请联系班长或省政府办公厅排位。", "This place is not assigned to you now", "Who plans the session assigns places."},
		"seat.taken":               {"这个位置已经有人", "{name} 正在使用，请选择别的席位。", "This place is taken", "{name} has it; choose another."},
		"setting":                  {"填写的内容不能用", "请按下列各项的说明更正。", "The setting cannot be that", "Mend what errors names."},
		"setting.incomplete":       {"放假安排不完整", "下列法定节假日还是工作日，请补上。", "The paper of holidays is not complete", "errors lists statutory holidays that it leaves working days."},
		"setting.own":              {"自己提出的改动要由另一人同意", "请由另一位有权的人审批。", "Who asks for a change does not approve it", "Somebody else has to agree."},
		"setting.stale":            {"刚刚有人改过这项设置", "请看最新内容再改。", "Somebody has changed the setting since", "Read it again and repeat the change."},
		"setting.waits":            {"这项设置还有一项改动在等审批", "请先处理那一项。", "Another change waits for its second person", "Approve it or take it back first."},
		"slow":                     {"请求发送得太慢", "须在 {most} 秒内发完；请检查网络后再试。", "The request came too slowly", "It has to be there within {most} s; check the network and try again."},
		"socket.ticket":            {"推送连接已经失效", "请刷新页面；程序请先用 POST /api/v1/ws-ticket 申请票据，30 秒内使用一次。", "No valid ticket for the push", "Ask for one by POST /api/v1/ws-ticket and use it once within 30 seconds."},
		"ticket.clash":             {"有一处别人刚刚写过", "您写的没有存；请看现在的内容，决定留下哪一个。", "Somebody has written in the same field since", "Nothing is stored; look at now and send what is to stand there."},
		"ticket.unfinished":        {"这次通话的工单还没有登记", "请填好下列各项并登记；程序可带 leave=true，留作草稿。", "The tickets of the call are not registered", "Fill in what errors names and register them, or send leave=true and they stay drafts."},
		"ticket.incomplete":        {"还有内容没有填好", "请按下列各项的说明填写。", "Some fields are missing or wrong", "Mend what errors names."},
		"ticket.live":              {"来电人还在线上", "通话结束以前，草稿由接听席位的人填写；结束后再登记。", "The citizen is still on the line", "Until the call is over the draft belongs to the people of its seat; come back then."},
		"ticket.not_draft":         {"这件工单已经登记", "登记后不能再改草稿，请看最新状态。", "The ticket is registered already and stays as it is", "Read it again."},
		"too_large":                {"内容太大", "最多 {most}，请缩短后再试。", "The request is too large", "At most {most}; send less."},
		"too_many":                 {"请求过于频繁", "请 {seconds} 秒后再试。", "Too many requests or attempts", "Try again in {seconds} s."},
		"topics":                   {"订阅的主题有误", "最多 32 个，形如 board 或 seat:A01。", "The topics are wrong", "At most 32, of the form board or seat:A01."},
		"unavailable":              {"系统正忙，暂时不能处理", "请 {seconds} 秒后再试。", "The server cannot do this just now", "Try again in {seconds} s."},
		"unavailable/unsure":       {"还不知道是否已经办成", "数据库没有回应；请 {seconds} 秒后再做一次，程序请用同一个 Idempotency-Key。", "The database did not answer", "It may be done or not: send the same command again under its key in {seconds} s."},
		"unrecorded":               {"暂时不能查看", "查看须留下记录，而现在无法写入；请 {seconds} 秒后再试。", "This cannot be read just now", "Reading it leaves a record, and none can be written now; try again in {seconds} s."},
		"version.stale":            {"刚刚有人做了更改", "请看最新状态，再做一次。", "It has changed since", "Read it again and repeat the change."},
	}
}

// message is what a reader is told of a field: by its code, or in the words of whoever found it.
func message(f Field, english bool) string {
	if f.Code == "" && english {
		return f.Message
	}
	for _, m := range allMessages() {
		switch {
		case f.Code != m.code:
			continue
		case f.Code != "" && english:
			return m.english
		case f.Code != "":
			return m.chinese
		}
		if found := m.pattern.FindStringSubmatch(f.Message); found != nil {
			said := m.chinese
			for _, value := range found[1:] {
				said = strings.Replace(said, "%v", value, 1)
			}
			return said
		}
	}
	return f.Message
}

// wanted is one thing that may be wrong with a field, in both languages; %v is what is wanted there.
type wanted struct{ code, english, chinese string }

type phrase struct {
	wanted

	pattern *regexp.Regexp
}

// The tables are made once: who is refused a thousand times a second costs no thousand tables.
var (
	allTexts    = sync.OnceValue(texts)   //nolint:gochecknoglobals // read only
	allMessages = sync.OnceValue(phrases) //nolint:gochecknoglobals // read only
)

func phrases() []phrase {
	var all []phrase
	for _, m := range slices.Concat(ofFields(), ofBodies(), ofSettings()) {
		p := "^(?:body[^ ]*: |query: |path: )?" + strings.ReplaceAll(regexp.QuoteMeta(m.english), "%v", "(.*)") + "$"
		all = append(all, phrase{m, regexp.MustCompile(p)})
	}
	return all
}

func ofFields() []wanted {
	return []wanted{
		{"required", "required", "必须填写"},
		{"too_long", "too long", "太长"},
		{"bad_character", "holds characters that are no plain text", "含有不能保存的字符"},
		{"unknown", "not one of the values that are known", "不是可用的值"},
		{"unregistered", "not registered yet", "还没有登记"},
		{"changed", "written by somebody else since", "别人刚刚写过"},
		{"no_limit", "no time limit is known for this", "没有对应的办理时限"},
		{"", "unexpected property", "没有这个字段，请去掉"},
		{"", "unknown query parameter", "没有这个参数，请去掉"},
		{"", "expected string to be RFC 3339 date-time", "应为 RFC 3339 时间"},
		{"", "expected string to be RFC 3339 date", "应为日期，如 2026-11-26"},
		{"", "expected string to be RFC 4122 uuid: %v", "应为 UUID"},
		{"", "expected value to be one of \"%v\"", "应为以下之一：%v"},
		{"", "expected value to match at least one schema but matched none", "内容不符合要求"},
		{"", "expected boolean", "应为 true 或 false"},
		{"", "expected number", "应为数字"},
		{"", "expected integer", "应为整数"},
		{"", "invalid integer", "应为整数"},
		{"", "invalid boolean", "应为 true 或 false"},
		{"", "expected string", "应为文字"},
		{"", "expected array", "应为列表"},
		{"", "expected object", "应为对象"},
		{"", "expected number >= %v", "不能小于 %v"},
		{"", "expected number <= %v", "不能大于 %v"},
		{"", "expected length >= %v", "至少 %v 个字符"},
		{"", "expected length <= %v", "最多 %v 个字符"},
		{"", "expected string to match pattern %v", "格式应为 %v"},
		{"", "expected array length <= %v", "最多 %v 项"},
		{"", "expected required property %v to be present", "缺少 %v"},
		{"", "required %v parameter is missing", "缺少这个参数"},
		{"", "request body is required", "缺少请求内容"},
		{"", "given more than once", "重复给出，请只保留一个"},
		{"", "want a key of its own for every command", "每项操作须有自己的编号"},
		{"", "an id is written as %v, in small letters", "编号应写作 %v，用小写字母"},
		{"", "is no plain text: it holds %v", "含有不能保存的字符：%v"},
		{"", "must be one line of readable text, without control characters", "应为一行文字，不含控制字符"},
		{"", "belongs to a rest only", "只用于小休"},
		{"", "say why they are given up", "请写明为什么不再回拨"},
		{"", "say what the rest is for", "请说明小休事由"},
		{"", "want 0 to %v", "应为 0 到 %v"},
		{"", "want ready, rest or busy", "应为 ready、rest 或 busy"},
		{"", "the page has to name itself", "页面须自报名称"},
		{"", "a telephone needs an endpoint", "电话须有端点"},
		{"", "a page reports ok or media_failed; the rest comes from the exchange", "页面只能报告 ok 或 media_failed"},
		{"", "want ok or media_failed", "应为 ok 或 media_failed"},
		{"", "the seat has no place of that name", "本席位没有这个位置"},
		{"", "a place beside has a browser's telephone", "席位旁的位置只能用浏览器接听"},
		{"", "belongs to a sip phone only", "只用于 SIP 话机"},
		{"", "this server takes browsers only", "本服务器只接受浏览器接听"},
		{"", "want sip:%v@address:port, with the seat's own name", "应为 sip:%v@地址:端口，用本席位的名称"},
		{"", "no telephone of a seat has that address (--sip-network)", "席位话机没有这个地址（--sip-network）"},
		{"", "want less", "太长，请减少"},
		{"", "want application/json", "应为 application/json"},
		{"", "not a position", "不是有效的位置"},
		{"", "want at most 32 of the form kind or kind:name", "最多 32 个，形如 board 或 seat:A01"},
		{"", "want at most %v", "最多 %v"},
		{"", "the topic is not for you", "这个主题不归您订阅"},
	}
}

func ofBodies() []wanted {
	return []wanted{
		{"", "unexpected end of JSON input", "JSON 不完整"},
		{"", "invalid character %v", "不是有效的 JSON：%v"},
	}
}

func ofSettings() []wanted {
	return []wanted{
		{"", "give a whole number from %v to %v", "请填 %v 至 %v 之间的整数"},
		{"", "give one of %v", "请选其中之一：%v"},
		{"", "no such kind of setting", "没有这种设置"},
		{"", "name the line", "请指明队列"},
		{"", "give a year from %v to %v", "请填 %v 至 %v 之间的年份"},
		{"", "leave it empty: there is one for all", "请留空：全局只有一项"},
		{"", "it has passed: leave it empty for at once, or give a later time", "时间已过：立即生效请留空，或改填以后的时间"},
		{"", "give a time within two years", "请填两年以内的时间"},
		{"", "say why, in at most %v characters", "请写明原因，最多 %v 个字"},
		{"", "it is that already", "与现在的一样，没有改动"},
		{"", "line %v: give date, 休 or 班, and the holiday: 2027-01-01 休 元旦", "第 %v 行：请写日期、休或班、节日，如 2027-01-01 休 元旦"},
		{"", "line %v: %v is not near %v", "第 %v 行：%v 不在 %v 年前后"},
		{"", "line %v: %v: give 休 or 班", "第 %v 行：%v 应为休或班"},
		{"", "line %v: %v stands twice, first as %v", "第 %v 行：%v 重复，前面写作%v"},
		{"", "line %v: date %v: want a date like 2026-11-26", "第 %v 行：日期 %v 应写作 2026-11-26"},
		{"", "give a line for each day of the paper", "请每天写一行"},
		{"", "the paper is not complete: statutory holidays that it leaves working days: %v", "内容不完整，这些法定节假日还是工作日：%v"},
	}
}
