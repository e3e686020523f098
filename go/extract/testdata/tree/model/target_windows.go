package model

// Target is declared once for each build.
const Target = "windows"
