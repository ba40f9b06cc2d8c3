package platform

var AppendToken = appendToken

const TokenDigits = tokenDigits
