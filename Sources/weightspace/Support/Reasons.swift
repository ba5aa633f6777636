import Foundation
import Host
import InferenceService
import ModelStore
import Models
import Networks
import SIREN
import Uploads
import WeightFormats

/// The text of an error in one line.
func reason(_ error: any Error) -> String {
    switch error {
    case let error as UploadError: error.description
    case let error as NetworkError: "\(error.code): \(error.detail)"
    case let error as ServiceFault: "\(error.code): \(error.detail)"
    case let error as PictureError: error.detail
    case let error where error.isFromFoundation: FileError.description(of: error)
    default: String(describing: error)
    }
}

extension Error {
    /// Whether it is an error of Foundation, whose description on Linux is a domain and a number.
    var isFromFoundation: Bool {
        [NSCocoaErrorDomain, NSPOSIXErrorDomain, NSURLErrorDomain].contains((self as NSError).domain)
    }
}
