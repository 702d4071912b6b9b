package change

import "strings"

// Paragraphs cuts edits at the ends of lines.
func Paragraphs(edits []Edit) (all [][]Edit) {
	var line []Edit
	for _, e := range edits {
		for i, part := range strings.Split(e.Text, "\n") {
			if i > 0 {
				all, line = append(all, line), nil
			}
			if part != "" {
				line = append(line, Edit{Op: e.Op, Text: part})
			}
		}
	}
	return append(all, line)
}
