package io.skerry.control.packaging;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Part;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Put;
import io.micronaut.http.multipart.CompletedFileUpload;
import io.skerry.api.Judging;
import io.skerry.api.Packaging;
import io.skerry.api.PackagingRequest;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Variants of versions, and models that users bring. */
@Controller("/v1/models/{model}")
final class PackagingController {
  private final PackagingService packaging;
  private final ModelImport imports;

  PackagingController(PackagingService packaging, ModelImport imports) {
    this.packaging = packaging;
    this.imports = imports;
  }

  @Post("/versions/{version}/variants")
  @Allowed(Role.OPERATOR)
  HttpResponse<Packaging> start(
      Actor actor, String model, long version, @Body @Nullable PackagingRequest request) {
    List<String> profiles =
        request == null || request.profiles() == null ? List.of() : request.profiles();
    int emulatedItems = request == null ? 0 : emulatedItems(request.emulatedItems());
    return HttpResponse.accepted()
        .body(
            packaging.start(
                actor,
                PackagingService.version(model, version),
                profiles,
                emulatedItems,
                Judgings.checked(request == null ? null : request.judging())));
  }

  @Get("/versions/{version}/variants")
  @Allowed(Role.VIEWER)
  Packaging get(String model, long version) {
    return packaging.packaging(PackagingService.version(model, version));
  }

  @Delete("/versions/{version}/variants")
  @Allowed(Role.OPERATOR)
  Packaging cancel(Actor actor, String model, long version) {
    return packaging.cancel(actor, PackagingService.version(model, version));
  }

  @Put("/import")
  @Consumes(MediaType.MULTIPART_FORM_DATA)
  @Allowed(Role.OPERATOR)
  HttpResponse<Packaging> bring(
      Actor actor,
      String model,
      @Part("file") CompletedFileUpload file,
      @Part("calibration") CompletedFileUpload calibration,
      @Part("profiles") @Nullable String profiles,
      @Part("emulatedItems") @Nullable Integer emulatedItems,
      @Part("metric") @Nullable String metric,
      @Part("boxes") @Nullable String boxes,
      @Part("scoreOutput") @Nullable String scoreOutput,
      @Part("maxDrop") @Nullable Double maxDrop)
      throws IOException {
    return HttpResponse.accepted()
        .body(
            imports.bring(
                actor,
                model,
                new ModelImport.Upload(file.getFilename(), file.getInputStream()),
                new ModelImport.Upload(calibration.getFilename(), calibration.getInputStream()),
                profiles == null || profiles.isBlank()
                    ? List.of()
                    : List.of(profiles.strip().split("\\s*,\\s*")),
                emulatedItems(emulatedItems),
                Judgings.checked(new Judging(metric, boxes, scoreOutput, maxDrop))));
  }

  private static int emulatedItems(@Nullable Integer asked) {
    if (asked == null) {
      return 0;
    }
    if (asked < 1 || asked > PackagingRequest.EMULATED_ITEMS_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "emulatedItems is %d: give 1 to %d, or leave it out to run none"
              .formatted(asked, PackagingRequest.EMULATED_ITEMS_MAX));
    }
    return asked;
  }
}
