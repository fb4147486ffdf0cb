package main

import (
	"fmt"
	"regexp"
	"strconv"

	"ohsocket/core/errcode"
)

var number = regexp.MustCompile(`\b(?:401|201|230[0-9]{4})\b`)

// checkProse refuses texts that have the number of an error code: its name says what it means.
func (api *API) checkProse() error {
	names := map[int]string{}
	for _, e := range api.Errors {
		names[int(e.Code)] = e.Name
	}
	for where, text := range api.texts() {
		for _, found := range number.FindAllString(text, -1) {
			n, _ := strconv.Atoi(found)
			if name, ok := names[n]; ok && n != int(errcode.OK) {
				return fmt.Errorf("%s: write %s instead of %s", where, name, found)
			}
		}
	}
	return nil
}

// texts are the comments of the header and what they are about.
func (api *API) texts() map[string]string {
	texts := map[string]string{"manual.txt": manual}
	for _, s := range api.Sections {
		for _, f := range s.Functions {
			texts[f.Name] = f.Doc
		}
	}
	for _, s := range api.Structs {
		texts[s.Name] = s.Doc
		for _, m := range s.Members {
			texts[s.Name+"."+m.Name] = m.Doc
		}
	}
	for _, e := range append(append([]Enum{}, api.Enums...), api.Categories) {
		texts[e.Values[0].Name+"..."] = e.Doc
		for _, v := range e.Values {
			texts[v.Name] = v.Doc
		}
	}
	return texts
}
