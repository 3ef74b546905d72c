{{/* The image of all containers: by its digest where one is given. */}}
{{- define "cni-infoblox.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* By what the grid's certificate is verified. */}}
{{- define "cni-infoblox.sslVerify" -}}
{{ if not .Values.grid.verify }}false{{ else if or .Values.grid.ca .Values.grid.caConfigMap }}/etc/cni-infoblox/grid-ca/ca.crt{{ else }}true{{ end }}
{{- end }}
