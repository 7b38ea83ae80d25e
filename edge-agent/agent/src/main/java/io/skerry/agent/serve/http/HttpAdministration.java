package io.skerry.agent.serve.http;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.serve.InferenceService;
import io.skerry.agent.serve.StrictJson;
import io.skerry.wire.inference.LogSettingsRequest;
import io.skerry.wire.inference.LogSettingsResponse;
import io.skerry.wire.inference.ModelRepositoryParameter;
import io.skerry.wire.inference.RepositoryIndexRequest;
import io.skerry.wire.inference.RepositoryModelLoadRequest;
import io.skerry.wire.inference.RepositoryModelUnloadRequest;
import io.skerry.wire.inference.TraceSettingRequest;
import io.skerry.wire.inference.TraceSettingResponse;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Repository, shared memory, trace and log settings. */
final class HttpAdministration {
  private static final int BODY_BYTES_MAX = 1 << 20;

  private final InferenceService service;

  HttpAdministration(InferenceService service) {
    this.service = service;
  }

  void answer(List<String> path, boolean post, HttpRequestBody request, HttpExchange exchange)
      throws PredictException {
    if (request.body().length > BODY_BYTES_MAX) {
      throw invalid("the request has more than %d bytes".formatted(BODY_BYTES_MAX));
    }
    try {
      switch (path.getFirst()) {
        case "repository" -> repository(path, post, request, exchange);
        case "systemsharedmemory" -> exchange.answer(memory(path, post, request, true));
        case "cudasharedmemory" -> exchange.answer(memory(path, post, request, false));
        case "trace" -> exchange.answer(trace(path, post, request));
        case "logging" -> exchange.answer(logging(path, post, request));
        default -> throw HttpRoutes.unknown();
      }
    } catch (IllegalStateException
        | UnsupportedOperationException
        | ClassCastException
        | NumberFormatException e) {
      throw invalid("the request's JSON has a field of the wrong type");
    }
  }

  private void repository(
      List<String> path, boolean post, HttpRequestBody request, HttpExchange exchange)
      throws PredictException {
    if (!post) {
      throw new PredictException(Code.INVALID_ARGUMENT, "the method must be POST");
    }
    if (path.equals(List.of("repository", "index"))) {
      JsonElement ready = body(request).get("ready");
      exchange.answer(
          HttpAnswer.json(
              ProtoJson.write(
                  service
                      .repositoryIndex(
                          RepositoryIndexRequest.newBuilder()
                              .setReady(ready != null && ready.getAsBoolean())
                              .build())
                      .getModelsList())));
      return;
    }
    if (path.size() != 4 || !path.get(1).equals("models")) {
      throw HttpRoutes.unknown();
    }
    String model = path.get(2);
    Map<String, ModelRepositoryParameter> parameters = parameters(body(request));
    switch (path.get(3)) {
      case "load" ->
          later(
              exchange,
              () ->
                  service.load(
                      RepositoryModelLoadRequest.newBuilder()
                          .setModelName(model)
                          .putAllParameters(parameters)
                          .build()));
      case "unload" ->
          later(
              exchange,
              () ->
                  service.unload(
                      RepositoryModelUnloadRequest.newBuilder()
                          .setModelName(model)
                          .putAllParameters(parameters)
                          .build()));
      default -> throw HttpRoutes.unknown();
    }
  }

  @FunctionalInterface
  private interface Action {
    Object run() throws PredictException;
  }

  private void later(HttpExchange exchange, Action action) throws PredictException {
    service.later(
        () -> {
          try {
            action.run();
            exchange.answer(HttpAnswer.empty(200));
          } catch (PredictException e) {
            exchange.answer(HttpAnswer.error(e));
          } catch (RuntimeException | Error e) {
            // Whatever it was: a call without an answer waits for ever.
            exchange.answer(HttpAnswer.error(InferenceService.broke(e)));
          }
        });
  }

  private static Map<String, ModelRepositoryParameter> parameters(JsonObject body)
      throws PredictException {
    Map<String, ModelRepositoryParameter> parameters = new HashMap<>();
    JsonElement given = body.get("parameters");
    if (given == null) {
      return parameters;
    }
    for (Map.Entry<String, JsonElement> entry : given.getAsJsonObject().entrySet()) {
      JsonPrimitive value = entry.getValue().getAsJsonPrimitive();
      ModelRepositoryParameter.Builder parameter = ModelRepositoryParameter.newBuilder();
      if (value.isBoolean()) {
        parameter.setBoolParam(value.getAsBoolean());
      } else if (value.isNumber()) {
        parameter.setInt64Param(value.getAsLong());
      } else {
        parameter.setStringParam(value.getAsString());
      }
      parameters.put(entry.getKey(), parameter.build());
    }
    return parameters;
  }

  private HttpAnswer memory(
      List<String> path, boolean post, HttpRequestBody request, boolean system)
      throws PredictException {
    boolean named = path.size() == 4 && path.get(1).equals("region");
    if (!named && path.size() != 2) {
      throw HttpRoutes.unknown();
    }
    String name = named ? path.get(2) : "";
    return switch (path.getLast()) {
      case "status" ->
          HttpAnswer.json(
              ProtoJson.write(
                  system
                      ? List.copyOf(
                          new TreeMap<>(
                                  service
                                      .memoryStatus(service.applications().unnamed(), name)
                                      .getRegionsMap())
                              .values())
                      : List.of()));
      case "register" -> {
        requirePost(post);
        register(name, body(request), system);
        yield HttpAnswer.empty(200);
      }
      case "unregister" -> {
        requirePost(post);
        if (system) {
          service.unregisterMemory(service.applications().unnamed(), name);
        }
        yield HttpAnswer.empty(200);
      }
      default -> throw HttpRoutes.unknown();
    };
  }

  private void register(String name, JsonObject body, boolean system) throws PredictException {
    if (!system) {
      throw service.cudaRefusal(name);
    }
    JsonElement key = body.get("key");
    JsonElement bytes = body.get("byte_size");
    JsonElement offset = body.get("offset");
    if (key == null || bytes == null) {
      throw invalid("'key' and 'byte_size' are needed to register shared memory");
    }
    service
        .applications()
        .unnamed()
        .memory()
        .register(
            name, key.getAsString(), offset == null ? 0 : offset.getAsLong(), bytes.getAsLong());
  }

  private static void requirePost(boolean post) throws PredictException {
    if (!post) {
      throw invalid("the method must be POST");
    }
  }

  private HttpAnswer trace(List<String> path, boolean post, HttpRequestBody request)
      throws PredictException {
    if (!path.equals(List.of("trace", "setting"))) {
      throw HttpRoutes.unknown();
    }
    TraceSettingRequest.Builder wanted = TraceSettingRequest.newBuilder();
    if (post) {
      for (Map.Entry<String, JsonElement> setting : body(request).entrySet()) {
        TraceSettingRequest.SettingValue.Builder value =
            TraceSettingRequest.SettingValue.newBuilder();
        JsonElement given = setting.getValue();
        if (given.isJsonArray()) {
          given.getAsJsonArray().forEach(element -> value.addValue(element.getAsString()));
        } else if (!given.isJsonNull()) {
          value.addValue(given.getAsString());
        }
        wanted.putSettings(setting.getKey(), value.build());
      }
    }
    Map<String, TraceSettingResponse.SettingValue> settings =
        service.traceSetting(wanted.build()).getSettingsMap();
    return HttpAnswer.json(
        ProtoJson.text(
            out -> {
              out.beginObject();
              for (var setting : settings.entrySet()) {
                out.name(setting.getKey()).beginArray();
                for (String value : setting.getValue().getValueList()) {
                  out.value(value);
                }
                out.endArray();
              }
              out.endObject();
            }));
  }

  private HttpAnswer logging(List<String> path, boolean post, HttpRequestBody request)
      throws PredictException {
    if (path.size() != 1) {
      throw HttpRoutes.unknown();
    }
    LogSettingsRequest.Builder wanted = LogSettingsRequest.newBuilder();
    if (post) {
      for (Map.Entry<String, JsonElement> setting : body(request).entrySet()) {
        JsonPrimitive given = setting.getValue().getAsJsonPrimitive();
        LogSettingsRequest.SettingValue.Builder value =
            LogSettingsRequest.SettingValue.newBuilder();
        if (given.isBoolean()) {
          value.setBoolParam(given.getAsBoolean());
        } else if (given.isNumber()) {
          value.setUint32Param(given.getAsInt());
        } else {
          value.setStringParam(given.getAsString());
        }
        wanted.putSettings(setting.getKey(), value.build());
      }
    }
    Map<String, LogSettingsResponse.SettingValue> settings =
        new TreeMap<>(service.logSettings(wanted.build()).getSettingsMap());
    return HttpAnswer.json(
        ProtoJson.text(
            out -> {
              out.beginObject();
              for (var setting : settings.entrySet()) {
                out.name(setting.getKey());
                LogSettingsResponse.SettingValue value = setting.getValue();
                switch (value.getParameterChoiceCase()) {
                  case BOOL_PARAM -> out.value(value.getBoolParam());
                  case UINT32_PARAM -> out.value(value.getUint32Param());
                  case STRING_PARAM, PARAMETERCHOICE_NOT_SET -> out.value(value.getStringParam());
                }
              }
              out.endObject();
            }));
  }

  private static JsonObject body(HttpRequestBody request) throws PredictException {
    if (request.body().length == 0) {
      return new JsonObject();
    }
    try {
      return StrictJson.object(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(request.body())).toString());
    } catch (CharacterCodingException | JsonParseException e) {
      throw invalid("the request is no JSON object");
    }
  }

  private static PredictException invalid(String message) {
    return new PredictException(Code.INVALID_ARGUMENT, message);
  }
}
