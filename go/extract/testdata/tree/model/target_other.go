//go:build !linux && !windows

package model

// Target is declared once for each build.
const Target = "other"
