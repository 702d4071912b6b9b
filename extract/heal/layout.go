package heal

import (
	"bytes"
	"fmt"
	"maps"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A Layout is what is proposed for a definition: [[layout]] with selectors.
type Layout struct {
	Name     string            `json:"name"`
	When     string            `json:"when,omitempty"`
	Fields   map[string]string `json:"fields"` // field to selector; a field that needs no rule is not there
	BoldLead bool              `json:"bold_lead,omitempty"`
	Drop     []string          `json:"drop,omitempty"`
}

// TOML returns the layout as it stands in a definition. Remarks are put behind
// the lines of their keys.
func (l Layout) TOML(remarks map[string]string) string {
	var b strings.Builder
	line := func(key, value string) {
		fmt.Fprintf(&b, "%s = %s", key, value)
		if r := remarks[key]; r != "" {
			fmt.Fprintf(&b, " # %s", r)
		}
		b.WriteByte('\n')
	}
	b.WriteString("[[layout]]\n")
	line("name", literal(l.Name))
	if l.When != "" {
		line("when", literal(l.When))
	}
	for _, field := range Fields {
		if s := l.Fields[field]; s != "" {
			line(field, literal(s))
		}
		if field == "lead" && l.BoldLead {
			line("bold_lead", "true")
		}
	}
	if len(l.Drop) > 0 {
		line("drop", literal(strings.Join(l.Drop, ", ")))
	}
	return b.String()
}

// In returns the name of the layout of a definition that says the same; "" when
// none does.
func (l Layout) In(definition []byte) string {
	type layouts struct {
		Layout []map[string]any `toml:"layout"`
	}
	var own, all layouts
	if toml.Unmarshal([]byte(l.TOML(nil)), &own) != nil || toml.Unmarshal(definition, &all) != nil {
		return ""
	}
	bare := func(layout map[string]any) map[string]string {
		out := map[string]string{}
		for key, value := range layout {
			if key != "name" && key != "sure" { // neither says how a page is read
				out[key] = fmt.Sprint(value)
			}
		}
		return out
	}
	for _, other := range all.Layout {
		if maps.Equal(bare(own.Layout[0]), bare(other)) {
			return fmt.Sprint(other["name"])
		}
	}
	return ""
}

// literal writes a TOML string, 'literal' where that can be.
func literal(s string) string {
	if strings.ContainsAny(s, "'\n\r\t") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		var b strings.Builder
		b.WriteByte('"')
		for _, r := range s {
			switch {
			case r == '"' || r == '\\':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r < ' ' || r == 0x7f:
				fmt.Fprintf(&b, `\u%04X`, r)
			default:
				b.WriteRune(r)
			}
		}
		b.WriteByte('"')
		return b.String()
	}
	return "'" + s + "'"
}

// Insert puts a [[layout]] above the first one of a definition, or at its end
// when there is none. Everything else stays byte for byte; comments straight
// above a layout stay with it.
func Insert(definition []byte, layout string) []byte {
	at := firstLayout(definition)
	if at < 0 {
		out := bytes.Clone(definition)
		if len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, '\n')
		}
		if len(out) > 0 {
			out = append(out, '\n')
		}
		return append(out, layout...)
	}
	for at > 0 { // over the comments of the old layout
		before := bytes.LastIndexByte(definition[:at-1], '\n') + 1
		if line := bytes.TrimSpace(definition[before:at]); len(line) == 0 || line[0] != '#' {
			break
		}
		at = before
	}
	out := append([]byte{}, definition[:at]...)
	out = append(out, layout...)
	out = append(out, '\n')
	return append(out, definition[at:]...)
}

// firstLayout returns where the line of the first [[layout]] begins; -1 when
// there is none.
func firstLayout(definition []byte) int {
	p := unstable.Parser{}
	p.Reset(definition)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.ArrayTable {
			continue
		}
		it := e.Key()
		if !it.Next() || string(it.Node().Data) != "layout" {
			continue
		}
		offset := int(p.Range(it.Node().Data).Offset)
		return bytes.LastIndexByte(definition[:offset], '\n') + 1
	}
	return -1
}
