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
import java.io.InputStream;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
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
    Integer emulatedItems = request == null ? null : request.emulatedItems();
    if (emulatedItems != null) {
      checkItems(emulatedItems, 0, "%d to %d, or leave it out to run as many as last time");
    }
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
      @Part("file") @Nullable CompletedFileUpload file,
      @Part("calibration") @Nullable CompletedFileUpload calibration,
      @Part("profiles") @Nullable String profiles,
      @Part("emulatedItems") @Nullable Integer emulatedItems,
      @Part("metric") @Nullable String metric,
      @Part("boxes") @Nullable String boxes,
      @Part("scoreOutput") @Nullable String scoreOutput,
      @Part("maxDrop") @Nullable Double maxDrop,
      @Part("inputShape") @Nullable String inputShape)
      throws IOException {
    if (file == null || calibration == null) {
      Stream.of(file, calibration).filter(Objects::nonNull).forEach(CompletedFileUpload::discard);
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "part '%s' is missing: send the model as 'file' and its inputs as 'calibration'"
              .formatted(file == null ? "file" : "calibration"));
    }
    // Closed, they are removed, also where something else of the request is refused.
    try (InputStream content = file.getInputStream();
        InputStream inputs = calibration.getInputStream()) {
      return HttpResponse.accepted()
          .body(
              imports.bring(
                  actor,
                  model,
                  new ModelImport.Upload(file.getFilename(), content),
                  new ModelImport.Upload(calibration.getFilename(), inputs),
                  profiles == null || profiles.isBlank()
                      ? List.of()
                      : List.of(profiles.strip().split("\\s*,\\s*")),
                  emulatedItems(emulatedItems),
                  Judgings.checked(new Judging(metric, boxes, scoreOutput, maxDrop)),
                  InputShapes.checked(inputShape)));
    }
  }

  private static int emulatedItems(@Nullable Integer asked) {
    if (asked == null) {
      return 0;
    }
    checkItems(asked, 1, "%d to %d, or leave it out to run none");
    return asked;
  }

  private static void checkItems(int asked, int least, String instead) {
    if (asked < least || asked > PackagingRequest.EMULATED_ITEMS_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "emulatedItems is %d: give %s"
              .formatted(asked, instead.formatted(least, PackagingRequest.EMULATED_ITEMS_MAX)));
    }
  }
}
