;;; emacs_probe.el --- What the tests ask a running Emacs  -*- lexical-binding: t; -*-

;;; Commentary:

;; The tests' keys come through the terminal.  What they want to know, and the
;; files they open, come through Emacs's server: (probe-send FORM) is the
;; answer of FORM as JSON, evaluated in the buffer that the terminal shows.

;;; Code:

(require 'json)
(require 'server)
(require 'byte-lsp)

(defvar probe-frames nil
  "What was drawn since `probe-record', the newest first: line and ghost text.")

(defun probe-start (folder)
  "Listen on the socket \"emacs\" in FOLDER."
  (setq server-socket-dir folder
        server-name "emacs"
        server-client-instructions nil)
  (server-start))

(defmacro probe-send (&rest body)
  "Return what BODY gives, in the terminal's buffer, as JSON in base64."
  `(with-current-buffer (window-buffer (selected-window))
     (base64-encode-string
      (encode-coding-string (json-encode (progn ,@body)) 'utf-8) t)))

(defun probe-open (file)
  "Visit FILE in the only window, and no other file."
  (delete-other-windows)
  (dolist (buffer (buffer-list))
    (when (buffer-file-name buffer)
      (with-current-buffer buffer
        (set-buffer-modified-p nil)
        (kill-buffer))))
  (switch-to-buffer (find-file-noselect file))
  t)

(defun probe-replace (text line column)
  "Make TEXT the buffer's, and go to LINE and COLUMN, both from 0."
  (erase-buffer)
  (insert text)
  (goto-char (point-min))
  (forward-line line)
  (forward-char column)
  t)

(defun probe-line ()
  "Return the line that point is on."
  (buffer-substring-no-properties (pos-bol) (pos-eol)))

(defun probe-ghost ()
  "Return the ghost text and its line and column from 0, or nil."
  (when byte-lsp--overlay
    (save-excursion
      (let ((text (or (overlay-get byte-lsp--overlay 'after-string)
                      (overlay-get byte-lsp--overlay 'display))))
        (goto-char (overlay-start byte-lsp--overlay))
        (list :text (substring-no-properties text)
              :row (1- (line-number-at-pos))
              :column (- (point) (pos-bol)))))))

(defun probe-item ()
  "Return the server's item that is shown."
  (byte-lsp--item-raw (car byte-lsp--items)))

(defun probe-record ()
  "Note from now on what is drawn."
  (setq probe-frames nil)
  (add-hook 'pre-redisplay-functions #'probe--note)
  t)

(defun probe--note (window)
  "Note what is drawn in WINDOW if that is the selected one."
  (when (and (eq window (selected-window)) (not (minibufferp)))
    (push (vector (probe-line) (or (plist-get (probe-ghost) :text) "")) probe-frames)))

(defun probe-recorded ()
  "Return what was drawn, the oldest first, and note no more."
  (remove-hook 'pre-redisplay-functions #'probe--note)
  (vconcat (reverse probe-frames)))

(defun probe-counters ()
  "Return the server's counters."
  (plist-get (jsonrpc-request (byte-lsp--any-server) :byteLsp/status byte-lsp--no-params :timeout 60)
             :counters))

(defun probe-state ()
  "Return the state of the server."
  (plist-get (byte-lsp--status) :state))

(defun probe-in-sync ()
  "Tell whether the server's text is this buffer's."
  (byte-lsp--sync (byte-lsp--any-server))
  (equal (plist-get (jsonrpc-request (byte-lsp--any-server) :byteLsp/document
                                     (list :uri (byte-lsp--document-uri byte-lsp--document))
                                     :timeout 60)
                    :sha256)
         (secure-hash 'sha256 (encode-coding-string (byte-lsp--whole-text) 'utf-8))))

(defun probe-messages ()
  "Return what Emacs and byte-lsp have complained of."
  (concat (with-current-buffer (messages-buffer)
            (goto-char (point-min))
            (let (found)
              (while (re-search-forward "^\\(?:Error\\|Warning\\).*\\|.*\\_<error\\_>.*" nil t)
                (push (match-string 0) found))
              (string-join (nreverse found) "\n")))
          (if (get-buffer "*Warnings*")
              (with-current-buffer "*Warnings*" (buffer-string))
            "")))

(defun probe-edit-at-random (seed count)
  "Edit the buffer COUNT times, as SEED has it; return how often the server lost track."
  (random seed)
  (let ((lost 0))
    (dotimes (_ count)
      (dotimes (_ (1+ (random 3)))
        (probe--edit))
      (unless (probe-in-sync)
        (cl-incf lost)))
    lost))

(defun probe--edit ()
  "Make one of many kinds of edits."
  (let ((here (1+ (random (1+ (buffer-size))))))
    (pcase (random 7)
      ((or 0 1 2)
       (goto-char here)
       (insert (nth (random 9) '("a" "word " "\n" "é" "😀" "日本\n語" "\n\n    x" "\r" "\r\n"))))
      ((or 3 4)
       (delete-region here (min (point-max) (+ here (random 12)))))
      (5 (let ((inhibit-modification-hooks t))
           (goto-char here)
           (insert "unseen\n")))
      (6 (upcase-region here (min (point-max) (+ here (random 30))))))))

(provide 'emacs_probe)
;;; emacs_probe.el ends here
