import Foundation
import ModelStore
import Networks
import Uploads
import WeightFormats

/// An error in one line for people.
func reason(_ error: any Error) -> String {
    switch error {
    case let error as UploadError: error.description
    case let error as NetworkError: "\(error.code): \(error.detail)"
    case let error as PictureError: error.detail
    case let error as FormatError: error.description
    case let error as VerificationError: error.description
    case let error as any CustomStringConvertible & Error: error.description
    default: error.localizedDescription
    }
}
