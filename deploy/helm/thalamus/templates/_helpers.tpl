{{/* The chart's name in labels. */}}
{{- define "thalamus.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of every object. */}}
{{- define "thalamus.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "thalamus.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "thalamus.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "thalamus.selectorLabels" -}}
app.kubernetes.io/name: {{ include "thalamus.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "thalamus.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "thalamus.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "thalamus.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "thalamus.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "thalamus.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- with .Values.image.digest }}{{ $image = printf "%s@%s" $.Values.image.repository . }}{{ end }}
{{- $image }}
{{- end }}

{{/* An address to listen on; IPv6 goes into brackets. */}}
{{- define "thalamus.address" -}}
{{- $host := .root.Values.bindAddress }}
{{- if contains ":" $host }}{{ $host = printf "[%s]" $host }}{{ end }}
{{- printf "%s:%d" $host (int .port) }}
{{- end }}

{{/* thalamus.yaml: `config` of the values, with the listeners and the admin address where it names none. */}}
{{- define "thalamus.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $kubernetes := $config.kubernetes | default dict }}
{{- if not (hasKey $kubernetes "labels") }}
{{- $_ := set $kubernetes "labels" .Values.serviceAccount.automount }}
{{- end }}
{{- if and $kubernetes.labels .Values.rbac.namespaces (not (hasKey $kubernetes "namespaces")) }}
{{- $_ := set $kubernetes "namespaces" (prepend .Values.rbac.namespaces .Release.Namespace | uniq) }}
{{- end }}
{{- if .Values.preferZone }}{{ $_ := set $kubernetes "prefer_zone" true }}{{ end }}
{{- $_ := set $config "kubernetes" $kubernetes }}
{{- if not (hasKey $config "listeners") }}
{{- $http := dict "address" (include "thalamus.address" (dict "root" . "port" .Values.ports.http)) }}
{{- with .Values.trustedProxies }}{{ $_ := set $http "trusted_proxies" . }}{{ end }}
{{- $listeners := list $http }}
{{- if .Values.tls.enabled }}
{{- $https := dict "address" (include "thalamus.address" (dict "root" . "port" .Values.ports.https))
      "tls" (dict "certificate" "/etc/thalamus-tls/tls.crt" "key" "/etc/thalamus-tls/tls.key") }}
{{- $listeners = append $listeners $https }}
{{- end }}
{{- $_ := set $config "listeners" $listeners }}
{{- end }}
{{- $_ := set $config "admin" (mergeOverwrite (dict "address" (include "thalamus.address" (dict "root" . "port" .Values.ports.admin))) (default dict $config.admin)) }}
{{- toYaml $config }}
{{- end }}

{{/* What the schema cannot say. */}}
{{- define "thalamus.validate" -}}
{{- $budget := .Values.podDisruptionBudget }}
{{- if and $budget.enabled (not (kindIs "invalid" $budget.minAvailable)) (not (kindIs "invalid" $budget.maxUnavailable)) }}
{{- fail "podDisruptionBudget: set minAvailable or maxUnavailable, not both; Kubernetes refuses both (maxUnavailable: null takes the default away)" }}
{{- end }}
{{- $scale := .Values.autoscaling }}
{{- if and $scale.enabled (lt (int $scale.maxReplicas) (int $scale.minReplicas)) }}
{{- fail (printf "autoscaling: maxReplicas (%d) is below minReplicas (%d)" (int $scale.maxReplicas) (int $scale.minReplicas)) }}
{{- end }}
{{- if and .Values.tls.enabled (not .Values.tls.existingSecret) }}
{{- fail "tls.enabled needs tls.existingSecret, a Secret of the type kubernetes.io/tls; cert-manager makes one" }}
{{- end }}
{{- if and .Values.tls.enabled (hasKey .Values.config "listeners") }}
{{- fail "tls.enabled adds a listener, and config.listeners says that there are no others: write the TLS listener there and set tls.enabled to false, or remove config.listeners" }}
{{- end }}
{{- if and .Values.service.externalTrafficPolicy (eq .Values.service.type "ClusterIP") }}
{{- fail "service.externalTrafficPolicy needs service.type LoadBalancer or NodePort: a ClusterIP has no external traffic" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs: the Gateway that the route hangs on" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.enabled needs ingress.hosts" }}
{{- end }}
{{- $shutdown := .Values.config.shutdown | default dict }}
{{- $needed := add (include "thalamus.seconds" ($shutdown.delay | default "5s")) (include "thalamus.seconds" ($shutdown.grace | default "60s")) }}
{{- if le (int .Values.terminationGracePeriodSeconds) (int $needed) }}
{{- fail (printf "terminationGracePeriodSeconds (%d) must be longer than shutdown.delay and shutdown.grace together (%d s), or long polls are cut" (int .Values.terminationGracePeriodSeconds) $needed) }}
{{- end }}
{{- end }}

{{/* A duration such as 90s or 2m in seconds; 0 for one that only Thalamus can read. */}}
{{- define "thalamus.seconds" -}}
{{- if regexMatch "^[0-9]+s$" . }}{{ trimSuffix "s" . }}
{{- else if regexMatch "^[0-9]+m$" . }}{{ trimSuffix "m" . | int | mul 60 }}
{{- else }}0{{ end }}
{{- end }}
