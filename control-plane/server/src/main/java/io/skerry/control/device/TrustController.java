package io.skerry.control.device;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.control.access.OnPort;
import io.skerry.control.access.Open;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Root documents and the newest snapshot: signed, and nobody's secret. */
@Controller("/v1")
@Open
@OnPort(OnPort.Port.DEVICES)
final class TrustController {
  private final SigningKeys keys;
  private final Snapshots snapshots;

  TrustController(SigningKeys keys, Snapshots snapshots) {
    this.keys = keys;
    this.snapshots = snapshots;
  }

  @Get("/roots/{version}")
  String root(long version) {
    List<DsseEnvelope> roots = keys.roots();
    if (version < 1 || version > roots.size()) {
      throw new ProblemException(
          ErrorCode.NOT_FOUND,
          "there is no root %d: the newest is %d".formatted(version, roots.size()));
    }
    return text(roots.get((int) version - 1));
  }

  @Get("/snapshot")
  String snapshot() {
    return text(snapshots.current());
  }

  private static String text(DsseEnvelope envelope) {
    return new String(envelope.toJson(), StandardCharsets.UTF_8);
  }
}
