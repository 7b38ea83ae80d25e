package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.trace.TraceConfig;
import io.skerry.wire.inference.LogSettingsRequest;
import io.skerry.wire.inference.LogSettingsResponse;
import io.skerry.wire.inference.TraceSettingRequest;
import io.skerry.wire.inference.TraceSettingResponse;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trace and log settings, as they are. A client may ask for what is already so; a change is refused
 * and never ignored.
 */
final class Settings {
  private static final Logger log = LoggerFactory.getLogger("io.skerry");
  private static final String TRACE_LEVEL = "trace_level";
  private static final String OFF = "OFF";

  private Settings() {}

  /**
   * As Triton tells them for its OpenTelemetry mode.
   *
   * @param traces how calls are traced; not at all when empty
   */
  static TraceSettingResponse trace(TraceSettingRequest request, Optional<TraceConfig> traces)
      throws PredictException {
    Map<String, String> now = traces.map(Settings::traced).orElse(Map.of(TRACE_LEVEL, OFF));
    for (Map.Entry<String, TraceSettingRequest.SettingValue> setting :
        request.getSettingsMap().entrySet()) {
      List<String> wanted = setting.getValue().getValueList();
      boolean stays =
          wanted.isEmpty() || wanted.equals(List.of(now.getOrDefault(setting.getKey(), "")));
      if (!stays) {
        throw new PredictException(
            Code.UNAVAILABLE,
            (traces.isEmpty()
                    ? "the server does not support trace: '%s' cannot be set"
                    : "trace setting '%s' cannot be changed by clients: it is set where the agent is started")
                .formatted(Texts.shortened(setting.getKey())));
      }
    }
    TraceSettingResponse.Builder response = TraceSettingResponse.newBuilder();
    now.forEach(
        (name, value) ->
            response.putSettings(
                name, TraceSettingResponse.SettingValue.newBuilder().addValue(value).build()));
    return response.build();
  }

  // A rate of n means one call of n; 0 means those only whose callers ask for it.
  private static Map<String, String> traced(TraceConfig traces) {
    return Map.of(
        TRACE_LEVEL,
        "TIMESTAMPS",
        "trace_mode",
        "opentelemetry",
        "trace_rate",
        Long.toString(traces.ratio() == 0 ? 0 : Math.round(1 / traces.ratio())),
        "trace_count",
        "-1",
        "url",
        traces.collector().toString());
  }

  static LogSettingsResponse log(LogSettingsRequest request) throws PredictException {
    LogSettingsResponse now =
        LogSettingsResponse.newBuilder()
            .putSettings("log_file", text(""))
            .putSettings("log_info", flag(log.isInfoEnabled()))
            .putSettings("log_warning", flag(log.isWarnEnabled()))
            .putSettings("log_error", flag(log.isErrorEnabled()))
            .putSettings(
                "log_verbose_level",
                LogSettingsResponse.SettingValue.newBuilder()
                    .setUint32Param(log.isDebugEnabled() ? 1 : 0)
                    .build())
            .putSettings("log_format", text("default"))
            .build();
    for (Map.Entry<String, LogSettingsRequest.SettingValue> setting :
        request.getSettingsMap().entrySet()) {
      LogSettingsResponse.SettingValue is = now.getSettingsMap().get(setting.getKey());
      if (is == null) {
        throw new PredictException(
            Code.INVALID_ARGUMENT,
            "log setting '%s' is not known".formatted(Texts.shortened(setting.getKey())));
      }
      if (!is.toByteString().equals(setting.getValue().toByteString())) {
        throw new PredictException(
            Code.UNIMPLEMENTED,
            "log setting '%s' cannot be changed by clients: it is set where the agent is started"
                .formatted(setting.getKey()));
      }
    }
    return now;
  }

  private static LogSettingsResponse.SettingValue flag(boolean value) {
    return LogSettingsResponse.SettingValue.newBuilder().setBoolParam(value).build();
  }

  private static LogSettingsResponse.SettingValue text(String value) {
    return LogSettingsResponse.SettingValue.newBuilder().setStringParam(value).build();
  }
}
