package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/rpc"

	m "mattermost-plugin/mattermost"
)

// api is the plugin's side of the API connection. One call is one round trip, as in Mattermost's client.
type api struct{ client *rpc.Client }

func (a *api) call(method string, args, returns any) error {
	return a.client.Call("Plugin."+method, args, returns)
}

// log turns every value into text first, as Mattermost's client does.
func (a *api) log(message string, pairs ...any) {
	texts := make([]any, len(pairs))
	for i, value := range pairs {
		texts[i] = fmt.Sprintf("%+v", value)
	}
	if err := a.call("LogInfo", &m.LogInfoArgs{A: message, B: texts}, &m.LogInfoReturns{}); err != nil {
		log.Printf("RPC call to LogInfo API failed: %s", err)
	}
}

func (a *api) loadConfiguration(target any) error {
	returns := &m.LoadPluginConfigurationArgsReturns{}
	if err := a.call("LoadPluginConfiguration", &m.LoadPluginConfigurationArgsArgs{}, returns); err != nil {
		return err
	}
	return json.Unmarshal(returns.A, target)
}

func (a *api) getUser(id string) (*m.User, *m.AppError) {
	returns := &m.GetUserReturns{}
	if err := a.call("GetUser", &m.GetUserArgs{A: id}, returns); err != nil {
		log.Printf("RPC call to GetUser API failed: %s", err)
	}
	return returns.A, returns.B
}

func (a *api) kvGet(key string) ([]byte, *m.AppError) {
	returns := &m.KVGetReturns{}
	if err := a.call("KVGet", &m.KVGetArgs{A: key}, returns); err != nil {
		log.Printf("RPC call to KVGet API failed: %s", err)
	}
	return returns.A, returns.B
}
