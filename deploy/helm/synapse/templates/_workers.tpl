{{/*
All workers of the values, by their entry's name, as the templates want them: name, kind, replicas, streams, serves ...
What Synapse would refuse, or would take and break on, is refused here in words.
*/}}
{{- define "synapse.workers" -}}
{{- $kinds := .Files.Get "files/kinds.yaml" | fromYaml }}
{{- $one := list "typing" "to_device" "account_data" "presence" "push_rules" }}
{{- $many := list "events" "receipts" "device_lists" "thread_subscriptions" }}
{{- $taken := dict }}
{{- $workers := dict }}
{{- range $entry, $value := .Values.workers }}
{{- $value = $value | default dict }}
{{- $at := printf "workers.%s" $entry }}
{{- $kind := $value.kind | default $entry }}
{{- if not (hasKey $kinds $kind) }}
{{- fail (printf "%s: there is no kind of worker called %s; there are %s" $at $kind (keys $kinds | sortAlpha | join ", ")) }}
{{- end }}
{{- $known := get $kinds $kind }}
{{- $named := $known.named | default false }}
{{- $replicas := int (hasKey $value "replicas" | ternary $value.replicas 1) }}

{{- /* Streams, and whom else they belong to. */}}
{{- $streams := $known.streams | default list }}
{{- if eq $kind "stream_writer" }}
{{- $streams = $value.streams | default list }}
{{- if not $streams }}
{{- fail (printf "%s: a stream_writer needs streams, such as streams: [typing, receipts]" $at) }}
{{- end }}
{{- else if $value.streams }}
{{- fail (printf "%s: only a worker of the kind stream_writer takes streams; set kind: stream_writer" $at) }}
{{- end }}
{{- $single := $known.single | default "" }}
{{- range $stream := $streams }}
{{- if eq $stream "quarantined_media_changes" }}
{{- if ne $kind "media" }}
{{- fail (printf "%s: quarantined_media_changes is written where the media is; a worker of the kind media writes it" $at) }}
{{- end }}
{{- else if not (has $stream (concat $one $many)) }}
{{- fail (printf "%s: Synapse has no stream called %s; there are %s" $at $stream (concat $one $many | sortAlpha | join ", ")) }}
{{- end }}
{{- if has $stream $one }}
{{- $single = printf "Synapse takes exactly one writer of the stream %s" $stream }}
{{- end }}
{{- with get $taken $stream }}
{{- fail (printf "%s: %s writes the stream %s already; one entry writes a stream, with more replicas where Synapse takes more writers" $at . $stream) }}
{{- end }}
{{- $_ := set $taken $stream $at }}
{{- end }}
{{- with $known.setting }}
{{- with get $taken . }}
{{- fail (printf "%s: %s is of the same kind, and Synapse's %s comes from one entry" $at . $known.setting) }}
{{- end }}
{{- $_ := set $taken . $at }}
{{- end }}

{{- /* How many. */}}
{{- if and $single (gt $replicas 1) }}
{{- fail (printf "%s: replicas is %d, but %s; set it to 1" $at $replicas $single) }}
{{- end }}
{{- if and $named (lt $replicas 1) }}
{{- fail (printf "%s: Synapse would wait for a process that never comes; remove the entry, and the main process does its work" $at) }}
{{- end }}
{{- if and $named $value.autoscaling }}
{{- fail (printf "%s: each of these processes is known by name, so their number cannot follow the load; set replicas in place of autoscaling" $at) }}
{{- end }}
{{- with $value.autoscaling }}
{{- if lt (int .maxReplicas) (int .minReplicas) }}
{{- fail (printf "%s.autoscaling: maxReplicas (%d) is below minReplicas (%d)" $at (int .maxReplicas) (int .minReplicas)) }}
{{- end }}
{{- end }}
{{- if and (eq $kind "media") (gt $replicas 1) (not (has "ReadWriteMany" $.Values.media.accessModes)) }}
{{- fail (printf "%s: replicas is %d, and all of them need the same files: set media.accessModes to [ReadWriteMany], with a storage class that has it" $at $replicas) }}
{{- end }}

{{- $serves := $known.serves | default (without $streams "events") }}
{{- $resources := $known.resources | default (ternary (list "client") (list "health") (gt (len $serves) 0)) }}
{{- $name := printf "%s-%s" (include "synapse.fullname" $) ($entry | replace "_" "-") | trunc 52 | trimSuffix "-" }}
{{- range $other, $worker := $workers }}
{{- if eq $worker.name $name }}
{{- fail (printf "%s: its pods would be called like those of workers.%s; rename one" $at $other) }}
{{- end }}
{{- end }}
{{- $pods := list }}
{{- if $named }}
{{- range $number := until $replicas }}
{{- $pods = append $pods (printf "%s-%d" $name $number) }}
{{- end }}
{{- end }}
{{- $_ := set $workers $entry (dict "entry" $entry "name" $name "kind" $kind "named" $named "replicas" $replicas
      "streams" $streams "serves" $serves "resources" $resources "pods" $pods
      "single" (ne $single "") "setting" ($known.setting | default "") "app" ($known.app | default "synapse.app.generic_worker")
      "values" $value) }}
{{- end }}
{{- $workers | toYaml }}
{{- end }}

{{/* True when a worker has the media, and not the main process. */}}
{{- define "synapse.hasMediaWorker" -}}
{{- range $entry, $worker := include "synapse.workers" . | fromYaml }}
{{- if eq $worker.kind "media" }}true{{ end }}
{{- end }}
{{- end }}

{{- define "synapse.replicationHost" -}}
{{- printf "%s.%s-replication.%s.svc.%s" .pod (include "synapse.fullname" .root) .root.Release.Namespace .root.Values.clusterDomain }}
{{- end }}

{{- define "synapse.listener" -}}
{{- $listener := dict "type" "http" "port" (int .port) "bind_addresses" (list .root.Values.bindAddress) "resources" (list (dict "names" .names)) }}
{{- if .forwarded }}{{ $_ := set $listener "x_forwarded" true }}{{ end }}
{{- toYaml (list $listener) }}
{{- end }}

{{- define "synapse.metricsListener" -}}
{{- toYaml (list (dict "type" "metrics" "port" (int .Values.ports.metrics) "bind_addresses" (list .Values.bindAddress))) }}
{{- end }}

{{/* shared.yaml: what every process reads. A change of it restarts every process, as Synapse demands. */}}
{{- define "synapse.shared" -}}
{{- $workers := include "synapse.workers" . | fromYaml }}
{{- $shared := dict
      "server_name" .Values.serverName
      "public_baseurl" (.Values.publicBaseurl | default (printf "https://%s/" .Values.serverName))
      "report_stats" false
      "log_config" "/conf/log.yaml"
      "media_store_path" "/media"
      "signing_key_path" "/secrets/signing.key"
      "macaroon_secret_key_path" "/secrets/macaroon_secret_key"
      "form_secret_path" "/secrets/form_secret"
      "registration_shared_secret_path" "/secrets/registration_shared_secret"
      "worker_replication_secret_path" "/secrets/worker_replication_secret"
      "enable_metrics" true }}
{{- $listeners := concat
      (include "synapse.listener" (dict "root" . "port" .Values.ports.http "names" (list "client" "federation") "forwarded" true) | fromYamlArray)
      (include "synapse.listener" (dict "root" . "port" .Values.ports.replication "names" (list "replication")) | fromYamlArray)
      (include "synapse.metricsListener" . | fromYamlArray) }}
{{- $_ := set $shared "listeners" $listeners }}
{{- $database := .Values.database }}
{{- $_ := set $shared "database" (dict "name" "psycopg2" "args" (mergeOverwrite (dict
      "host" $database.host "port" (int $database.port) "dbname" $database.name "user" $database.user
      "cp_min" 1 "cp_max" (int $database.connections)) ($database.args | default dict))) }}
{{- $redis := dict "enabled" true "host" .Values.redis.host "port" (int .Values.redis.port) }}
{{- if .Values.redis.existingSecret.name }}{{ $_ := set $redis "password_path" "/redis/password" }}{{ end }}
{{- $_ := set $shared "redis" $redis }}

{{- $map := dict "main" (dict "host" (include "synapse.replicationHost" (dict "root" . "pod" (printf "%s-main-0" (include "synapse.fullname" .)))) "port" (int .Values.ports.replication)) }}
{{- $writers := dict }}
{{- range $entry, $worker := $workers }}
{{- range $pod := $worker.pods }}
{{- $_ := set $map $pod (dict "host" (include "synapse.replicationHost" (dict "root" $ "pod" $pod)) "port" (int $.Values.ports.replication)) }}
{{- end }}
{{- range $stream := $worker.streams }}
{{- $_ := set $writers $stream $worker.pods }}
{{- end }}
{{- with $worker.setting }}
{{- $_ := set $shared . (ternary (first $worker.pods) $worker.pods $worker.single) }}
{{- end }}
{{- if eq $worker.kind "media" }}
{{- $_ := set $shared "enable_media_repo" false }}
{{- $_ := set $shared "media_instance_running_background_jobs" (first $worker.pods) }}
{{- end }}
{{- end }}
{{- $_ := set $shared "instance_map" $map }}
{{- with $writers }}{{ $_ := set $shared "stream_writers" . }}{{ end }}

{{- $ours := concat (keys $shared) (list "stream_writers" "federation_sender_instances" "pusher_instances" "send_federation"
      "start_pushers" "notify_appservices_from_worker" "run_background_tasks_on" "update_user_directory_from_worker"
      "enable_media_repo" "media_instance_running_background_jobs" "worker_app" "worker_name" "worker_listeners")
      | uniq }}
{{- range $key, $value := .Values.config }}
{{- if and (has $key $ours) (not (eq $key "report_stats")) }}
{{- fail (printf "config.%s: the chart writes this key from its other values; config is for the rest of homeserver.yaml" $key) }}
{{- end }}
{{- end }}
{{- toYaml (mergeOverwrite $shared (deepCopy .Values.config)) }}
{{- end }}

{{/* ENTRY.yaml: what the workers of one entry read after shared.yaml. */}}
{{- define "synapse.worker" -}}
{{- $root := .root }}
{{- $worker := .worker }}
{{- $listeners := concat
      (include "synapse.listener" (dict "root" $root "port" $root.Values.ports.http "names" $worker.resources "forwarded" (gt (len $worker.serves) 0)) | fromYamlArray)
      (include "synapse.metricsListener" $root | fromYamlArray) }}
{{- if $worker.named }}
{{- $listeners = concat $listeners (include "synapse.listener" (dict "root" $root "port" $root.Values.ports.replication "names" (list "replication")) | fromYamlArray) }}
{{- end }}
{{- $file := dict "worker_app" $worker.app "worker_log_config" "/conf/log.yaml" "worker_listeners" $listeners }}
{{- if ne $worker.kind "media" }}{{ $_ := set $file "enable_media_repo" false }}{{ end }}
{{- toYaml $file }}
{{- end }}
