package host

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Manifest holds the keys of plugin.json that decide how a plugin is started. Unknown keys are no error, as on the server.
type Manifest struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	Version        string          `json:"version"`
	Server         *ManifestServer `json:"server"`
	SettingsSchema *struct {
		Settings []struct {
			Key     string `json:"key"`
			Default any    `json:"default"`
		} `json:"settings"`
	} `json:"settings_schema"`
}

// ManifestServer names the executables.
type ManifestServer struct {
	Executable  string            `json:"executable"`
	Executables map[string]string `json:"executables"`
}

// ReadManifest reads plugin.json of a bundle directory.
func ReadManifest(dir string) (*Manifest, error) {
	data, err := os.ReadFile(filepath.Join(dir, "plugin.json"))
	if err != nil {
		return nil, err
	}
	manifest := &Manifest{}
	if err := json.Unmarshal(data, manifest); err != nil {
		return nil, fmt.Errorf("%s/plugin.json: %w", dir, err)
	}
	if manifest.ID == "" {
		return nil, fmt.Errorf("%s/plugin.json: the plugin has no id", dir)
	}
	return manifest, nil
}

// executable returns the absolute path of the plugin's executable, chosen as the server chooses it.
func (m *Manifest) executable(dir string) (string, error) {
	name := ""
	if m.Server != nil {
		name = m.Server.Executables[runtime.GOOS+"-"+runtime.GOARCH]
		if name == "" {
			name = m.Server.Executable
		}
	}
	if name == "" {
		return "", fmt.Errorf("backend executable not found for environment: %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	name = filepath.Clean(filepath.Join(".", name))
	if strings.HasPrefix(name, "..") {
		return "", fmt.Errorf("invalid backend executable: %s", name)
	}
	return filepath.Abs(filepath.Join(dir, name))
}

// defaults are the settings that LoadPluginConfiguration answers before anybody saved any: keys in lower case, as on the server.
func (m *Manifest) defaults() map[string]any {
	settings := map[string]any{}
	if m.SettingsSchema != nil {
		for _, setting := range m.SettingsSchema.Settings {
			settings[strings.ToLower(setting.Key)] = setting.Default
		}
	}
	return settings
}

func checksum(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return nil, err
	}
	return hash.Sum(nil), nil
}
