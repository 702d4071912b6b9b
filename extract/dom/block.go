// Package dom turns the bytes of a page into a tree, and a part of the tree
// into text.
package dom

// A Block is one piece of a text, in the order of the page.
type Block struct {
	Kind  string     `json:"kind"`            // paragraph, heading, list, quote or table
	Level int        `json:"level,omitempty"` // of a heading: 1 … 6
	Text  string     `json:"text,omitempty"`  // of a paragraph, heading or quote; lines parted by \n
	Items []string   `json:"items,omitempty"` // of a list
	Rows  [][]string `json:"rows,omitempty"`  // of a table: its cells
}
