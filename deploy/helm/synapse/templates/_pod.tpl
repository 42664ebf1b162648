{{/*
The pod of the main process (no worker) or of a worker. What is mounted is the same; the last lines of the command
differ: a worker's name is its pod's, which is unique, and a StatefulSet's survives a restart.
*/}}
{{- define "synapse.pod" -}}
{{- $root := .root }}
{{- $values := $root.Values }}
{{- $worker := .worker }}
{{- $own := $values.main }}
{{- $component := "main" }}
{{- $named := true }}
{{- $media := ne (include "synapse.hasMediaWorker" $root) "true" }}
{{- if $worker }}
{{- $own = $worker.values }}
{{- $component = $worker.entry }}
{{- $named = $worker.named }}
{{- $media = eq $worker.kind "media" }}
{{- end }}
metadata:
  annotations:
    # Synapse reads its configuration only at its start.
    checksum/shared: {{ include "synapse.shared" $root | sha256sum }}
    {{- if $worker }}
    checksum/worker: {{ include "synapse.worker" (dict "root" $root "worker" $worker) | sha256sum }}
    {{- end }}
    {{- with $own.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "synapse.selectorLabels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ $component }}
spec:
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext:
    {{- toYaml $values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ ternary 30 (add 30 (int $values.drainSeconds)) $named }}
  containers:
    - name: synapse
      image: {{ include "synapse.image" $root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [/bin/sh, -ec]
      args:
        - |
          # The image's own entry point would do this: less memory.
          for library in /usr/lib/*-linux-gnu/libjemalloc.so.2; do
            if [ -e "$library" ]; then export LD_PRELOAD="$library"; fi
          done
          {{- if $worker }}
          printf 'worker_name: %s\n' "$POD_NAME" > /tmp/name.yaml
          exec python -m {{ $worker.app }} -c /conf/shared.yaml -c /conf/{{ $worker.entry }}.yaml -c /tmp/name.yaml
          {{- else }}
          exec python -m synapse.app.homeserver -c /conf/shared.yaml
          {{- end }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: PGPASSWORD
          valueFrom:
            secretKeyRef:
              name: {{ $values.database.existingSecret.name }}
              key: {{ $values.database.existingSecret.key }}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: http, containerPort: {{ $values.ports.http }}, protocol: TCP}
        - {name: metrics, containerPort: {{ $values.ports.metrics }}, protocol: TCP}
        {{- if $named }}
        - {name: replication, containerPort: {{ $values.ports.replication }}, protocol: TCP}
        {{- end }}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      startupProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 2
        # The main process may change the database's schema first.
        failureThreshold: {{ ternary 60 600 (not (not $worker)) }}
      livenessProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
      {{- if not $named }}
      # Synapse ends at once when told to stop. Thalamus sends nothing new to a pod that goes; its long polls end here.
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $values.drainSeconds }}
      {{- end }}
      {{- with $own.resources | default $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: conf, mountPath: /conf, readOnly: true}
        - {name: secrets, mountPath: /secrets, readOnly: true}
        {{- if $values.redis.existingSecret.name }}
        - {name: redis, mountPath: /redis, readOnly: true}
        {{- end }}
        - {name: tmp, mountPath: /tmp}
        {{- if $media }}
        - {name: media, mountPath: /media}
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: conf
      configMap:
        name: {{ include "synapse.fullname" $root }}
    - name: secrets
      secret:
        secretName: {{ include "synapse.secretName" $root }}
        defaultMode: 0440
    {{- if $values.redis.existingSecret.name }}
    - name: redis
      secret:
        secretName: {{ $values.redis.existingSecret.name }}
        items: [{key: {{ $values.redis.existingSecret.key }}, path: password}]
        defaultMode: 0440
    {{- end }}
    - name: tmp
      emptyDir: {}
    {{- if $media }}
    - name: media
      persistentVolumeClaim:
        claimName: {{ include "synapse.mediaClaim" $root }}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $own.nodeSelector | default $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.affinity | default $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.tolerations | default $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "synapse.selectorLabels" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $component }}
{{- end }}
