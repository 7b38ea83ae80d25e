package io.skerry.control.device;

import com.google.gson.JsonObject;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.artifact.sign.Dsse;
import io.skerry.control.access.OnPort;
import io.skerry.control.access.Open;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.regex.Pattern;

/**
 * The time, signed by the director with the asker's nonce: a device whose clock is so wrong that no
 * certificate looks valid can still believe it.
 */
@Controller("/v1/time")
@Open
@OnPort(OnPort.Port.DEVICES)
final class TimeController {
  static final String PAYLOAD_TYPE = "application/vnd.skerry.time.v1+json";
  private static final Pattern NONCE = Pattern.compile("[0-9a-f]{32}");

  private final SigningKeys keys;

  TimeController(SigningKeys keys) {
    this.keys = keys;
  }

  @Get(produces = MediaType.APPLICATION_JSON)
  HttpResponse<String> time(@QueryValue(defaultValue = "") String nonce) {
    if (!NONCE.matcher(nonce).matches()) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID, "send a nonce of 16 random bytes as 32 lower-case hex digits");
    }
    JsonObject payload = new JsonObject();
    payload.addProperty("nonce", nonce);
    payload.addProperty("at", Instant.now().toString());
    byte[] signed =
        Dsse.sign(
                PAYLOAD_TYPE, payload.toString().getBytes(StandardCharsets.UTF_8), keys.director())
            .toJson();
    return HttpResponse.ok(new String(signed, StandardCharsets.UTF_8))
        .header("Cache-Control", "no-store");
  }
}
