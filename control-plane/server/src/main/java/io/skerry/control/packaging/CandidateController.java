package io.skerry.control.packaging;

import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.server.types.files.StreamedFile;
import io.skerry.api.CandidateFiles;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.registry.Registry;
import io.skerry.protocol.ModelVersion;
import java.io.IOException;

/** Files of candidates, winners and losers, for devices to time. */
@Controller("/v1/models/{model}/versions/{version}/candidates")
@Allowed(Role.VIEWER)
final class CandidateController {
  private final KeptCandidates kept;
  private final Registry registry;

  CandidateController(KeptCandidates kept, Registry registry) {
    this.kept = kept;
    this.registry = registry;
  }

  @Get
  CandidateFiles list(String model, long version) throws IOException {
    return new CandidateFiles(model, version, kept.list(known(model, version)));
  }

  @Get("/{profile}/{name}")
  StreamedFile file(String model, long version, String profile, String name) throws IOException {
    KeptCandidates.Opened file = kept.open(known(model, version), profile, name);
    return new StreamedFile(
        file.content(), MediaType.APPLICATION_OCTET_STREAM_TYPE, 0, file.bytes());
  }

  private ModelVersion known(String model, long version) {
    ModelVersion checked = PackagingService.version(model, version);
    registry.version(checked);
    return checked;
  }
}
