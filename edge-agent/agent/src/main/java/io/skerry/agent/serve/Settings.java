package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.wire.inference.LogSettingsRequest;
import io.skerry.wire.inference.LogSettingsResponse;
import io.skerry.wire.inference.TraceSettingRequest;
import io.skerry.wire.inference.TraceSettingResponse;
import java.util.List;
import java.util.Map;
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

  static TraceSettingResponse trace(TraceSettingRequest request) throws PredictException {
    for (Map.Entry<String, TraceSettingRequest.SettingValue> setting :
        request.getSettingsMap().entrySet()) {
      List<String> wanted = setting.getValue().getValueList();
      boolean stays =
          wanted.isEmpty() || (setting.getKey().equals(TRACE_LEVEL) && wanted.equals(List.of(OFF)));
      if (!stays) {
        throw new PredictException(
            Code.UNAVAILABLE,
            "the server does not support trace: '%s' cannot be set"
                .formatted(Texts.shortened(setting.getKey())));
      }
    }
    return TraceSettingResponse.newBuilder()
        .putSettings(
            TRACE_LEVEL, TraceSettingResponse.SettingValue.newBuilder().addValue(OFF).build())
        .build();
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
