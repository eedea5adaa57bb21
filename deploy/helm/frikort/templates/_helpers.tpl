{{- define "frikort.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: frikort
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- /* The labels by which the engines know their clients. */ -}}
{{- define "frikort.clientLabels" -}}
kafka-client: {{ hasKey .process "kafka" | quote }}
mongodb-client: {{ hasKey .process "mongodb" | quote }}
{{- end }}

{{- /* Spread over zones and nodes: zones and nodes (what happens where it cannot be kept), labels of the pods. */ -}}
{{- define "frikort.spread" -}}
topologySpreadConstraints:
  {{- range $key, $otherwise := dict "topology.kubernetes.io/zone" .zones "kubernetes.io/hostname" .nodes }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: {{ $otherwise }}
    nodeTaintsPolicy: Honor
    labelSelector: {matchLabels: {{ $.labels | toJson }}}
  {{- end }}
{{- end }}

{{- define "frikort.tables" -}}
{{ .Files.Get "generated/tables.yaml" }}
{{- end }}

{{- /* The addresses of the replica set, as its members name themselves. */ -}}
{{- define "frikort.mongodb" -}}
{{- $hosts := list -}}
{{- range $member := until (int .Values.mongodb.members) -}}
{{- $hosts = append $hosts (printf "mongodb-%d.mongodb-svc.%s.svc.cluster.local:27017" $member $.Release.Namespace) -}}
{{- end -}}
mongodb://{{ join "," $hosts }}/?replicaSet=mongodb
{{- end }}

{{- /* A user's password and the certificates to trust, as files of one folder. */ -}}
{{- define "frikort.login" -}}
- name: {{ .name }}
  projected:
    defaultMode: 0440
    sources:
      - secret: {name: {{ .password }}, items: [{key: password, path: password}]}
      - secret: {name: {{ .authority }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}

{{- /* The pod of a process or command: root, name, process (a row of the table), ports (whether it serves any). */ -}}
{{- define "frikort.pod" -}}
{{- $values := .root.Values -}}
{{- $process := .process -}}
serviceAccountName: {{ .name }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
containers:
  - name: {{ .name }}
    image: "{{ required "image.repository" $values.image.repository }}:{{ $process.tag | default $values.image.tag | default .root.Chart.AppVersion }}"
    {{- if $process.module }}
    command: {{ concat (list "python" "-m" $process.module) ($process.arguments | default list) | toJson }}
    {{- else }}
    # It waits for the operator, who runs commands in it.
    command: [sleep, infinity]
    {{- end }}
    env:
      - {name: FRIKORT_ENVIRONMENT, value: {{ $values.environment | quote }}}
      - {name: FRIKORT_LOG_LEVEL, value: {{ $values.logLevel | quote }}}
      - {name: FRIKORT_START_TIMEOUT, value: {{ $values.startTimeout | quote }}}
      {{- if .ports }}
      - {name: FRIKORT_STOP_TIMEOUT, value: {{ $values.stopTimeout | quote }}}
      {{- with $values.traces.url }}
      - {name: FRIKORT_TRACES_URL, value: {{ . | quote }}}
      - {name: FRIKORT_TRACES_SHARE, value: {{ $values.traces.share | quote }}}
      {{- end }}
      {{- end }}
      {{- with $process.mongodb }}
      - {name: FRIKORT_MONGODB, value: {{ include "frikort.mongodb" $.root | quote }}}
      - {name: FRIKORT_MONGODB_USER, value: {{ . }}}
      - {name: FRIKORT_MONGODB_PASSWORD_FILE, value: /run/mongodb/password}
      - {name: FRIKORT_MONGODB_TLS, value: "true"}
      - {name: FRIKORT_MONGODB_CA_FILE, value: /run/mongodb/ca.crt}
      {{- end }}
      {{- with $process.kafka }}
      - {name: FRIKORT_KAFKA, value: "kafka-kafka-bootstrap.{{ $.root.Release.Namespace }}.svc:9093"}
      - {name: FRIKORT_KAFKA_USER, value: {{ . }}}
      - {name: FRIKORT_KAFKA_PASSWORD_FILE, value: /run/kafka/password}
      - {name: FRIKORT_KAFKA_TLS, value: "true"}
      - {name: FRIKORT_KAFKA_CA_FILE, value: /run/kafka/ca.crt}
      - {name: FRIKORT_TOPIC_REPLICATION, value: {{ $values.kafka.replication | quote }}}
      {{- if $values.allowances }}
      - {name: FRIKORT_ALLOWANCES, value: /run/allowances/allowances.toml}
      {{- end }}
      {{- if $values.authorities }}
      - {name: FRIKORT_AUTHORITIES, value: /run/authorities/authorities.toml}
      {{- end }}
      {{- end }}
      {{- if $process.passwords }}
      - {name: FRIKORT_MONGODB_PASSWORDS, value: /run/passwords}
      {{- end }}
      {{- range $setting, $secret := $process.secrets }}
      - {name: {{ $setting }}, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: value}}}
      {{- end }}
      {{- range $setting, $secret := $process.files }}
      - {name: {{ $setting }}, value: /run/{{ $secret }}/value}
      {{- end }}
      {{- range $setting, $template := $process.settings }}
      - {name: {{ $setting }}, value: {{ tpl $template $.root | quote }}}
      {{- end }}
    {{- if .ports }}
    ports:
      - {name: health, containerPort: 8081}
      {{- if $process.public }}
      - {name: http, containerPort: 8080}
      {{- end }}
    # It answers after its start, which ends with 3 after startTimeout; the pod is started again then.
    startupProbe:
      httpGet: {path: /health/live, port: health}
      periodSeconds: 2
      timeoutSeconds: 4
      failureThreshold: {{ add (div (int $values.startTimeout) 2) 10 }}
    livenessProbe:
      httpGet: {path: /health/live, port: health}
      periodSeconds: 10
      timeoutSeconds: 4
      failureThreshold: 6
    readinessProbe:
      httpGet: {path: /health/ready, port: health}
      periodSeconds: 5
      timeoutSeconds: 4
      failureThreshold: 2
    {{- if $process.public }}
    # Requests arrive until the ingress controller knows that the pod ends.
    lifecycle: {preStop: {sleep: {seconds: 5}}}
    {{- end }}
    {{- end }}
    resources: {{ toYaml $process.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      {{- if $process.storage }}
      - {name: backups, mountPath: /backup}
      {{- end }}
      {{- if $process.mongodb }}
      - {name: mongodb, mountPath: /run/mongodb, readOnly: true}
      {{- end }}
      {{- if $process.kafka }}
      - {name: kafka, mountPath: /run/kafka, readOnly: true}
      {{- if $values.allowances }}
      - {name: allowances, mountPath: /run/allowances, readOnly: true}
      {{- end }}
      {{- if $values.authorities }}
      - {name: authorities, mountPath: /run/authorities, readOnly: true}
      {{- end }}
      {{- end }}
      {{- if $process.passwords }}
      - {name: passwords, mountPath: /run/passwords, readOnly: true}
      {{- end }}
      {{- range $setting, $secret := $process.files }}
      - {name: {{ $secret }}, mountPath: /run/{{ $secret }}, readOnly: true}
      {{- end }}
volumes:
  - {name: tmp, emptyDir: {}}
  {{- with $process.mongodb }}
  {{- include "frikort.login" (dict "name" "mongodb" "password" (print "mongodb-" .) "authority" "mongodb-ca") | nindent 2 }}
  {{- end }}
  {{- with $process.kafka }}
  {{- include "frikort.login" (dict "name" "kafka" "password" . "authority" "kafka-cluster-ca-cert") | nindent 2 }}
  {{- if $values.allowances }}
  - {name: allowances, configMap: {name: allowances}}
  {{- end }}
  {{- if $values.authorities }}
  - {name: authorities, configMap: {name: authorities}}
  {{- end }}
  {{- end }}
  {{- if $process.passwords }}
  - name: passwords
    projected:
      defaultMode: 0440
      sources:
        {{- range (include "frikort.tables" $.root | fromYaml).mongodbUsers }}
        - secret: {name: mongodb-{{ . }}, items: [{key: password, path: {{ . }}/password}]}
        {{- end }}
  {{- end }}
  {{- range $setting, $secret := $process.files }}
  - {name: {{ $secret }}, secret: {secretName: {{ $secret }}, defaultMode: 0440}}
  {{- end }}
{{- end }}

{{- /* The service account and the network policy of a process or command. */ -}}
{{- define "frikort.access" -}}
{{- $network := .root.Values.network -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels: {{ include "frikort.labels" . | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .name }}
  labels: {{ include "frikort.labels" . | nindent 4 }}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/name: {{ .name }}, app.kubernetes.io/part-of: frikort}}
  policyTypes: [Ingress, Egress]
  {{- if .ports }}
  ingress:
    - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ $network.monitoring.namespace }}}}}]
      ports: [{port: 8081}]
    {{- if .process.public }}
    - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ $network.ingressController.namespace }}}}}]
      ports: [{port: 8080}]
    {{- end }}
  {{- end }}
  egress:
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ $network.dns.namespace }}}}}]
      ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    {{- if .process.kafka }}
    - to: [{podSelector: {matchLabels: {strimzi.io/cluster: kafka}}}]
      ports: [{port: 9093}]
    {{- end }}
    {{- if .process.mongodb }}
    - to: [{podSelector: {matchLabels: {app: mongodb-svc}}}]
      ports: [{port: 27017}]
    {{- end }}
    {{- with .root.Values.traces }}
    {{- if and $.ports .url }}
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ .namespace }}}}}]
      ports: [{port: {{ .port }}}]
    {{- end }}
    {{- end }}
    {{- if has "provider" (.process.connects | default list) }}
    {{- if not $network.provider }}{{ fail "network.provider" }}{{ end }}
    - to:
        {{- range $network.provider }}
        - ipBlock: {cidr: {{ . }}}
        {{- end }}
      ports: [{port: 443}]
    {{- end }}
    {{- if has "bucket" (.process.connects | default list) }}
    {{- if not $network.bucket }}{{ fail "network.bucket" }}{{ end }}
    - to:
        {{- range $network.bucket }}
        - ipBlock: {cidr: {{ . }}}
        {{- end }}
      ports: [{port: 443}]
    {{- end }}
    {{- if has "api" (.process.connects | default list) }}
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ $network.ingressController.namespace }}}}}]
      ports: [{port: {{ $network.ingressController.httpsPort }}}]
    {{- with $network.ingressController.addresses }}
    - to:
        {{- range . }}
        - ipBlock: {cidr: {{ . }}}
        {{- end }}
      ports: [{port: 443}]
    {{- end }}
    {{- end }}
{{- end }}
