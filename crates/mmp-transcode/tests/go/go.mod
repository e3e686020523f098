module mattermost-plugin/transcode-peer

go 1.26

require mattermost-plugin/mattermost v0.0.0

replace mattermost-plugin/mattermost => ../../../../go/generated/mattermost
