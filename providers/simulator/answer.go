package simulator

import (
	"encoding/json"
	"net/http"
)

// jsonAnswer is an answer made of plain data.
func jsonAnswer(status int, kind string, body any) *response {
	data, err := json.Marshal(body)
	if err != nil {
		panic("simulator: unmarshalable answer: " + err.Error())
	}
	return &response{status: status, header: http.Header{"Content-Type": {kind}}, body: data}
}

func texts(list []string) []any {
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = s
	}
	return all
}
