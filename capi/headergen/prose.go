package main

import (
	"regexp"
	"strings"
)

var (
	inCNote   = regexp.MustCompile(`\s+In C:\s+SOCKET_[A-Z_]+\*\.`)
	optionsOf = regexp.MustCompile(`\b(Listen|Connect|Extra)Options\b`)
)

// prose makes the text of a C comment from that of a Go comment.
func prose(doc string) string {
	doc = inCNote.ReplaceAllString(doc, "")
	doc = optionsOf.ReplaceAllStringFunc(doc, structName)
	return strings.TrimSpace(doc)
}

// structDoc replaces the Go name at the beginning of a struct's comment and drops
// the mention of the C name.
func structDoc(doc, name, nameC string) string {
	doc = regexp.MustCompile(`( as C\s+sees it)?:\s+`+nameC+`\.`).ReplaceAllString(doc, ".")
	if rest, ok := strings.CutPrefix(doc, name+" "); ok {
		doc = nameC + " " + rest
	}
	return prose(doc)
}

// sentence begins text with a capital letter, unless it begins with a C name.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if text == "" || strings.Contains(first, "_") {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// fill breaks text into lines of at most width bytes. An empty line separates paragraphs, a line
// that begins with "  - " begins an item of a list, and lines that begin with four spaces are left
// as they are. "Errors:" begins a paragraph without an empty line before it.
func fill(text string, width int) []string {
	text = regexp.MustCompile(`([.;:)])\s+Errors:\s`).ReplaceAllString(text, "$1\n\x00\nErrors:\n")
	var lines []string
	for i, paragraph := range regexp.MustCompile(`\n\n|\n\x00\n`).Split(strings.Trim(text, "\n"), -1) {
		if i > 0 && !strings.HasPrefix(paragraph, "Errors:") {
			lines = append(lines, "")
		}
		lines = append(lines, fillParagraph(paragraph, width)...)
	}
	return lines
}

func fillParagraph(text string, width int) []string {
	var lines []string
	indent, line := "", ""
	end := func() {
		if line != "" {
			lines = append(lines, line)
		}
		indent, line = "", ""
	}
	for source := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(source, "    ") && indent == "" {
			end()
			lines = append(lines, source)
			continue
		}
		if item, ok := strings.CutPrefix(source, "  - "); ok {
			end()
			indent, line = "    ", "  -"
			source = item
		}
		for word := range strings.FieldsSeq(source) {
			switch {
			case line == "":
				line = word
			case len(line)+1+len(word) > width:
				lines, line = append(lines, line), indent+word
			default:
				line += " " + word
			}
		}
	}
	end()
	return lines
}

// comment returns text as a C comment whose lines begin with indent: in one line if
// it fits into the width, else as a block.
func comment(text, indent string, width int) string {
	if text == "" {
		return ""
	}
	lines := fill(text, width-len(indent)-len(" * "))
	if len(lines) == 1 && len(indent)+len(lines[0])+len("/*  */") <= width {
		return indent + "/* " + lines[0] + " */\n"
	}
	return block(lines, indent)
}

// block returns lines as a comment.
func block(lines []string, indent string) string {
	var b strings.Builder
	b.WriteString(indent + "/*\n")
	for _, l := range lines {
		b.WriteString(strings.TrimRight(indent+" * "+l, " ") + "\n")
	}
	b.WriteString(indent + " */\n")
	return b.String()
}
